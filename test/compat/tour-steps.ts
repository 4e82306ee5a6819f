/**
 * The tour: shell lines that both clients run, each against a daemon of its own that has nothing but the image
 * `busybox`. `docker` is the client under test; the working directory is empty at the start.
 */
const text = `
docker version --format {{.Server.APIVersion}}
docker info --format '{{.Containers}} {{.Images}} {{.Driver}} {{.OSType}} {{.DefaultRuntime}}'
docker images --format '{{.Repository}}:{{.Tag}}'
docker images --format json | sed 's/"CreatedAt":"[^"]*"/"CreatedAt":"T"/'
docker images --no-trunc -q
docker tag busybox tour/one:1 && docker tag busybox tour/two
docker images tour/one
docker images --filter reference='tour/*' --format 'table {{.Repository}}\t{{.Tag}}' | sort
docker image inspect busybox --format '{{json .RepoTags}} {{.Os}} {{json .Config.Cmd}} {{len .RootFS.Layers}}'
docker image inspect nosuch
docker tag nosuch other
docker tag busybox 'Bad:Name'
docker history busybox --no-trunc --format '{{.CreatedBy}}|{{.Size}}|{{.Comment}}'
docker history -q busybox
docker run --rm busybox echo hello world
docker run --rm busybox sh -c 'echo out; echo err >&2; exit 3'
docker run --rm busybox sh -c 'kill -9 $$'
docker run --rm busybox nosuch-command
docker run --rm busybox /etc/passwd
docker run --rm busybox /etc
docker run --rm -w /a/b/c busybox pwd
docker run --rm -u ann busybox id
docker run --rm -u nobody-here busybox id
docker run --rm -e A=1 -e B busybox env | grep -v HOSTNAME | sort
printf 'X=1\\n# no\\nY=a b\\n' >env && docker run --rm --env-file env busybox sh -c 'echo $X $Y'
docker run --rm --entrypoint /bin/echo busybox from entrypoint
docker run --rm --hostname box --domainname example.com --add-host other:1.2.3.4 busybox sh -c 'hostname; tail -n 2 /etc/hosts | sed "s/^172[^ \\t]*/IP/"'
docker run --rm --read-only --tmpfs /t:size=1m busybox sh -c 'touch /x; touch /t/x && df -k /t | tail -n 1 | tr -s " " | cut -d" " -f2'
echo from stdin | docker run --rm -i busybox cat
docker run --rm --network none busybox ip -o addr show
docker run --rm -m 64m --cpus .5 --pids-limit 20 --name limited busybox true
docker run --rm --ulimit nofile=64:128 busybox sh -c 'ulimit -n; ulimit -Hn'
docker run --rm --privileged --cap-drop ALL busybox grep CapEff /proc/self/status
docker run --rm --cap-drop ALL --cap-add CHOWN busybox grep CapEff /proc/self/status
docker run --rm --init busybox cat /proc/1/comm
docker run -d --name web -p 127.0.0.1:18080:80 -l tier=front -l app=tour busybox httpd -f -p 80
docker run -d --name work -l app=tour busybox sh -c 'trap "exit 7" TERM; i=0; while [ $i -lt 5 ]; do echo line $i; i=$((i+1)); done; echo problem >&2; while :; do sleep 1; done' && until docker logs work 2>&1 | grep -q problem; do :; done
docker run --name web busybox true
docker create --name idle --label app=tour busybox true
docker ps --format '{{.Names}} {{.Image}} {{.Command}} {{.Ports}} {{.State}}'
docker ps
docker ps -a --format 'table {{.Names}}\\t{{.Status}}\\t{{.Labels}}'
docker ps -a --filter status=created --format '{{.Names}}'
docker ps -a --filter label=tier=front -q --no-trunc
docker ps --filter name=wor --format '{{.Names}}'
docker ps --filter ancestor=busybox --format '{{.Names}}'
docker ps --filter publish=80 --format '{{.Names}}'
docker ps --filter nosuch=1
docker ps --filter status=asleep
docker ps -aq --last 2 | wc -l
docker ps -a --format '{{json .}}' --filter name=idle
docker ps -a --size --filter name=idle --format '{{.Size}}'
docker port web
docker port web 80
docker port web 81
docker port nosuch
docker logs work
docker logs --tail 2 work
docker logs --tail none work
docker logs -t work | cut -d' ' -f2-
docker logs --since 1h work
docker logs --since 2001-01-01 --tail 1 work
docker logs nosuch
docker logs --since yesterday work
docker exec work echo in exec
docker exec -e Q=5 -w /tmp -u ann work sh -c 'echo $Q $PWD; id -u'
docker exec work sh -c 'exit 4'
docker exec work nosuch-command
docker exec nosuch true
docker exec idle true
docker exec -u nobody-here work true
docker exec -w /no/such work pwd
echo to exec | docker exec -i work cat
docker exec -d work touch /tmp/detached && until docker exec work test -e /tmp/detached; do :; done
mkdir dir && echo one >dir/a && echo two >dir/b && docker cp dir work:/tmp/ && docker exec work ls /tmp/dir
docker cp dir/. work:/tmp/flat && docker exec work ls /tmp/flat
docker cp work:/tmp/dir copied && ls copied
docker cp work:/tmp/dir/a renamed && cat renamed
docker cp work:/tmp/dir/a - | tar -tf -
tar -cf - dir | docker cp - work:/home && docker exec work ls /home/dir
docker cp work:/no/such .
docker cp dir/a work:/no/such/dir/ 2>&1 | grep -o 'no such directory'
docker cp nosuch dir-from-nowhere
docker cp nosuch work:/tmp
docker cp work:/tmp idle:/tmp
docker cp -q dir/a idle:/tmp/a && docker cp -q idle:/tmp/a - | tar -xO
docker diff idle
docker diff nosuch
docker inspect work --format '{{.State.Status}} {{.State.Running}} {{.Config.Image}} {{.HostConfig.NetworkMode}} {{json .Config.Labels}}'
docker inspect web --format '{{range $p, $c := .NetworkSettings.Ports}}{{$p}} {{(index $c 0).HostPort}}{{end}}'
docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' work
docker inspect --type image work
docker inspect nosuch
docker inspect -f '{{.Nothing}}' work >printed
docker inspect -f '{{.State' work
docker inspect -s -f '{{.SizeRootFs}}' idle
docker container inspect idle -f '{{.Name}} {{.RestartCount}} {{.HostConfig.RestartPolicy.Name}}'
docker top web -o pid,comm | tail -n 1 | tr -s ' ' | cut -d' ' -f2
docker top idle
docker stats --no-stream --format '{{.Name}} {{.PIDs}}' web
docker stats --no-stream --format '{{.Name}} {{.MemPerc}} {{.PIDs}}' idle
docker stats --no-stream nosuch
docker pause work && docker inspect -f '{{.State.Status}} {{.State.Paused}}' work
docker ps --filter status=paused --format '{{.Names}} {{.Status}}'
docker exec work true
docker pause work
docker unpause work && docker unpause work
docker pause idle
docker rename idle resting && docker inspect -f '{{.Name}}' resting
docker rename resting work
docker rename nosuch other
docker rename resting '/bad name'
docker update --memory 96m --memory-swap 96m --restart unless-stopped work && docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}}' work
docker update --restart nonsense work
docker update --memory 1k work
docker update nosuch --cpus 1
docker update --restart no work
docker kill --signal NOSUCH work
docker stop work && docker inspect -f '{{.State.ExitCode}} {{.State.Status}} {{.State.OOMKilled}}' work
docker wait work
docker wait work resting nosuch
docker stop work
docker kill work
docker start work && docker restart -t 3 work
docker start nosuch work
docker kill work && docker wait work
docker ps -a --filter exited=137 --format '{{.Names}}'
docker start -a resting
docker commit -a me -m message -c 'CMD ["echo", "committed"]' -c 'LABEL x=y' resting tour/commit:1
docker run --rm tour/commit:1
docker history tour/commit:1 --format '{{.Comment}}|{{.CreatedBy}}' | head -n 1
docker image inspect -f '{{.Author}} {{.Config.Labels.x}} {{json .Config.Cmd}}' tour/commit:1
docker commit -c 'NOSUCH 1' resting
docker commit nosuch
docker export resting | tar -tf - | grep -x tmp/a
docker export nosuch
docker export resting | docker import -c 'CMD ["true"]' -m imported - tour/import:2
docker import nosuch.tar
docker save tour/one:1 tour/commit:1 -o images.tar && tar -tf images.tar | grep -c blobs/sha256/.
docker save nosuch -o nosuch.tar
docker rmi tour/one:1 tour/commit:1
docker load -i images.tar
docker load -q <images.tar
echo nonsense | docker load
docker rmi nosuch
docker run -d --name holder tour/commit:1 sleep 1000 && docker rmi tour/commit:1
docker rm holder
docker rm -f holder && docker rmi tour/commit:1
docker volume create --label a=b data
docker volume create --driver nosuch other
docker volume create 'bad name'
docker volume ls
docker volume ls --filter label=a=b -q
docker volume ls --filter dangling=true --format '{{.Name}} {{.Driver}} {{.Scope}}'
docker volume inspect data -f '{{.Name}} {{.Driver}} {{json .Labels}}'
docker volume inspect nosuch
docker run --rm -v data:/data busybox sh -c 'echo kept >/data/file'
docker run --rm -v data:/data:ro busybox sh -c 'cat /data/file; touch /data/x'
docker run --rm -v data:/var/data --name user busybox ls /var/data
docker create --name keeper -v data:/data busybox && docker volume rm data
docker run --rm --volumes-from keeper busybox cat /data/file
docker rm keeper && docker volume rm data nosuch
docker run --rm -v "$PWD/dir:/d:ro" busybox ls /d
docker run --rm --mount type=bind,src=/no/such/path,dst=/d busybox ls /d
docker run --rm -v relative/x/y:/d busybox true
docker run --rm --mount type=tmpfs,dst=/t,tmpfs-size=2m,tmpfs-mode=700 busybox stat -c %a /t
docker run --rm --mount type=volume,target=/m,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-opt=o=size=1m busybox sh -c 'df -k /m | tail -n 1 | tr -s " " | cut -d" " -f2'
docker run --rm --mount type=volume,source=seeded,target=/var/data,volume-label=a=b busybox ls /var/data && docker volume inspect -f '{{.Labels.a}}' seeded && docker volume rm seeded
docker run --rm --mount type=volume,source=bare,target=/var/data,volume-nocopy busybox ls /var/data && docker volume rm bare
docker run --rm --link web:other busybox sh -c 'grep -c other /etc/hosts'
docker run --rm --mac-address 02:42:ac:11:00:99 busybox cat /sys/class/net/eth0/address
docker run --rm --device /dev/null:/dev/nothing busybox sh -c 'echo x >/dev/nothing && echo written'
docker run --rm --sysctl net.ipv4.ip_unprivileged_port_start=80 busybox cat /proc/sys/net/ipv4/ip_unprivileged_port_start
docker run --rm --dns 9.9.9.9 --dns-search x.y --dns-option ndots:3 busybox cat /etc/resolv.conf
docker run --rm --pid container:web busybox cat /proc/1/comm
docker run --rm --shm-size 1m busybox sh -c 'df -k /dev/shm | tail -n 1 | tr -s " " | cut -d" " -f2'
docker run --rm --group-add 2000 -u 1000 busybox id
docker run -d --name signalled --stop-signal USR1 busybox sh -c 'trap "echo got; exit 5" USR1; echo ready; while :; do sleep 0.1; done' && until docker logs signalled | grep -q ready; do :; done; docker stop signalled && docker wait signalled && docker rm signalled
docker run --name silent --log-driver none busybox echo x && docker logs silent; docker rm silent
docker network create --subnet 10.77.0.0/24 net && docker run --rm --network net --ip 10.77.0.55 busybox sh -c 'ip -4 -o addr show eth0 | tr -s " " | cut -d" " -f4'
docker network inspect -f '{{json .IPAM.Config}}' net && docker network rm net
ln -s dir link && docker cp -L link work:/tmp/linked && docker exec work ls /tmp/linked
docker run -d --name anon -v /anon busybox sleep 1000 && docker volume ls -q | wc -l && docker rm -fv anon && docker volume ls -q | wc -l
docker network ls --format '{{.Name}} {{.Driver}} {{.Scope}}' | sort
docker network inspect bridge -f '{{.Name}} {{.Driver}} {{len .IPAM.Config}}'
docker network inspect nosuch
docker network rm bridge 2>&1 | head -n 1
docker network rm nosuch 2>&1 | head -n 1
docker run --rm --network nosuch busybox true
docker run --rm --network container:nosuch busybox true
docker run --rm --network container:web busybox wget -qO- http://127.0.0.1/nosuch
docker run --rm -p 127.0.0.1:18080:80 busybox true
docker run --rm -p 99999:80 busybox true
docker run --rm --memory 1m busybox true
docker run --rm --cpus 1000 busybox true
docker run --rm --cap-add NOSUCH busybox true
docker run --rm --sysctl kernel.nosuch=1 busybox true
docker run --rm --restart always --rm busybox true
docker run --rm --name 'bad name' busybox true
docker run --rm --pull never --platform linux/nosuch busybox true
docker run --rm --pull never nosuch-image
docker run --rm --stop-signal NOSUCH busybox true
docker run --rm --gpus all busybox true
docker run --rm --device /dev/nosuch busybox true
docker run --rm --log-driver nosuch busybox true
docker run --rm --runtime nosuch busybox true
docker run --nosuch-flag busybox
docker run
docker nosuch-command
docker rm
docker cp onlyone
docker run --cidfile cid --name cid busybox true && wc -c <cid && docker run --cidfile cid busybox true
docker rm cid
docker run --name health -d --health-cmd true --health-interval 100ms busybox sleep 1000 && until [ "$(docker inspect -f {{.State.Health.Status}} health)" = healthy ]; do :; done && docker ps --filter health=healthy --format '{{.Names}}' && docker rm -f health
docker run -d --name shortlived --restart on-failure:1 busybox false && docker wait shortlived; until [ "$(docker inspect -f '{{.State.Status}} {{.RestartCount}}' shortlived)" = "exited 1" ]; do :; done; docker rm shortlived
docker events --since 0 --until 0s --filter container=resting --format '{{.Type}} {{.Action}}'
docker events --since 0 --until 0s --filter type=volume --filter volume=data --format '{{.Action}} {{.Actor.ID}}'
docker events --since 0 --until 0s --filter event=rename --format '{{.Actor.Attributes.oldName}} {{.Actor.Attributes.name}}'
docker events --since 0 --until 0s --filter event=tag --filter type=image | cut -d' ' -f2-
docker events --until nonsense
docker system df --format '{{.Type}} {{.TotalCount}} {{.Active}}'
docker system df --format 'table {{.Type}}\\t{{.TotalCount}}\\t{{.Active}}'
docker system df -v --format '{{range .Containers}}{{.Names}} {{.Image}}{{println}}{{end}}'
docker container prune -f --filter label=app=other
docker container prune -f
docker rm -f web nosuch
docker rm nosuch
docker image prune -f
docker volume prune -f
docker network prune -f
docker image prune -af
docker images -q | wc -l
docker system prune -af --volumes
docker login --help | head -n 1
docker ps --help | head -n 3
docker --version | cut -d' ' -f2
`;

export const tourSteps: readonly string[] = text.split("\n").filter(Boolean);
