/** Command lines whose requests must be the same through docker and isle. Words are split at spaces. */
const create = `
busybox
-it busybox sh
busybox ls -l
-a stdin -a STDOUT busybox
-a foo busybox
--name n --hostname h --domainname d --user u:g -w /w --entrypoint e --group-add g --group-add 5 busybox x
--annotation a=b --annotation c busybox
-e A=1 -e HOME -e ISLE_TEST_NOT_SET busybox
--env-file env-file -e Q=2 busybox
--env-file nosuch busybox
--label-file label-file -l z=1 -l w busybox
--health-cmd x --health-interval 5s --health-retries 3 --health-start-interval 1s --health-start-period 1m30s --health-timeout 2s busybox
--health-interval 5s busybox
--health-interval 5 busybox
--no-healthcheck busybox
--no-healthcheck --health-cmd x busybox
--init busybox
--init=false busybox
--init=maybe busybox
--log-driver none --log-opt a=b busybox
--log-driver json-file --log-opt max-size=1m --log-opt max-file=2 busybox
--restart no busybox
--restart always busybox
--restart unless-stopped busybox
--restart on-failure busybox
--restart on-failure:3 busybox
--restart on-failure:x busybox
--restart :1 busybox
--rm busybox
--rm --restart always busybox
--stop-signal INT --stop-timeout 5 busybox
--stop-timeout 0 busybox
--platform linux/arm64 busybox
--cap-add NET_ADMIN --cap-add cap_sys_admin --cap-drop MKNOD --cap-drop net_admin busybox
--cap-add ALL --cap-drop ALL busybox
--cgroup-parent /x --cgroupns host busybox
--cgroupns bad busybox
--ipc host --pid host --uts host --userns host busybox
--pid container:x --ipc container:y busybox
--pid bad busybox
--uts bad busybox
--userns bad busybox
--privileged --read-only --runtime runc busybox
--security-opt no-new-privileges --security-opt seccomp=seccomp.json --security-opt label=disable busybox
--security-opt seccomp=unconfined --security-opt apparmor=x busybox
--security-opt systempaths=unconfined busybox
--security-opt bad busybox
--security-opt seccomp=nosuch busybox
--sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=2 busybox
--sysctl vm.swappiness=1 busybox
--ulimit nofile=10 --ulimit core=0:0 --ulimit nproc=-1 --ulimit nofile=20:30 busybox
--ulimit nofile=3:2 busybox
--ulimit bad=1 busybox
--ulimit nofile busybox
--add-host a:1.2.3.4 --add-host b=::1 --add-host c:[::2] --add-host d:host-gateway busybox
--add-host a busybox
--add-host a:b busybox
--dns 1.1.1.1 --dns-option ndots:2 --dns-search example.com busybox
--expose 80 --expose 90-92/udp busybox
--expose 1:2 busybox
-p 80 busybox
-p 80:8080 -p 127.0.0.1:81:81/udp -p 90-92:90-92 -p 8000-8010:80 busybox
-p 127.0.0.1::80 -p [::1]:5:6 busybox
-p 1-2:3-5 busybox
-p x busybox
-p 80:x busybox
-p 80:80/foo busybox
-p published=8080,target=80,protocol=udp busybox
-P busybox
--ip 1.2.3.4 --ip6 ::5 --network n busybox
--link a --link b:c busybox
--link a:b --network n busybox
--link-local-ip 169.254.1.1 --network n busybox
--mac-address 02:42:ac:11:00:02 busybox
--mac-address 02:42:ac:11:00:02 --network n busybox
--network host busybox
--network none busybox
--network container:x busybox
--net bridge busybox
--network n --network-alias a --network-alias b busybox
--network host --network-alias a busybox
--network name=n1,alias=x,alias=y,ip=1.2.3.4,driver-opt=a=b --network n2 busybox
--network name=n1,mac-address=02:42:ac:11:00:02,link-local-ip=169.254.1.1,ip6=::7,gw-priority=5 busybox
--network name=n1,alias=x --network-alias y busybox
--network n1 --network n1 busybox
--network n1 --network host busybox
-v /a:/b -v vol:/c:ro,z -v /anon -v ./x:/y busybox
-v .:/y busybox
-v :/y busybox
--volume-driver d -v vol:/x busybox
--volumes-from a --volumes-from b:ro busybox
--tmpfs /t --tmpfs /u:size=1m,mode=700 busybox
--mount type=bind,src=/q,dst=/w,readonly busybox
--mount type=bind,source=./q,target=/w,bind-propagation=rprivate,bind-recursive=readonly,readonly busybox
--mount type=bind,src=/q,dst=/w,bind-propagation=rslave,bind-recursive=readonly,readonly busybox
--mount type=bind,src=/q,dst=/w,bind-recursive=writable busybox
--network n busybox
--network bridge --ip 1.2.3.4 busybox
--mount type=volume,source=v,target=/v,volume-nocopy,volume-driver=d,volume-opt=a=b,volume-label=l=m,volume-subpath=s busybox
--mount type=tmpfs,target=/t,tmpfs-size=64m,tmpfs-mode=1770 busybox
--mount type=image,source=i,target=/t,image-subpath=x busybox
--mount target=/v busybox
--mount type=bind,src=/q busybox
--mount type=bind,src=/q,dst=/w,bad=1 busybox
--mount type=bind,src=/q,dst=/w,volume-nocopy busybox
--mount type=bind,src=/q,dst=/w,readonly=maybe busybox
--mount bad busybox
--storage-opt size=1g busybox
--storage-opt size busybox
--shm-size 64m busybox
-m 64m --memory-reservation 32m --memory-swap -1 --memory-swappiness 10 --oom-kill-disable --oom-score-adj -5 busybox
--memory-swappiness 101 busybox
-m 1.5g --memory-swap 2g busybox
-m abc busybox
--cpus 1.5 --cpu-shares 10 --cpuset-cpus 0-1 --cpuset-mems 0 --pids-limit 5 busybox
--cpus .5 busybox
--cpus x busybox
--cpu-period 1000 --cpu-quota 500 --cpu-rt-period 10 --cpu-rt-runtime 5 --pids-limit -1 busybox
-c x busybox
--blkio-weight 100 --blkio-weight-device /dev/sda:200 busybox
--blkio-weight-device /dev/sda:5 busybox
--blkio-weight-device sda:200 busybox
--device-read-bps /dev/sda:1mb --device-write-bps /dev/sda:2k --device-read-iops /dev/sda:5 --device-write-iops /dev/sda:6 busybox
--device-read-bps sda:1 busybox
--device-read-iops /dev/sda:1k busybox
--device /dev/a --device /dev/b:/dev/c --device /dev/d:r --device /dev/e:/dev/f:rw busybox
--device vendor.com/class=name busybox
--device-cgroup-rule bad busybox
--gpus all busybox
--gpus 2 busybox
--gpus device=1 busybox
--gpus "device=1,2",driver=nvidia,capabilities=compute busybox
--cidfile cid-file-not-there/x busybox
--pull never busybox
--pull bad busybox
-itP --rm busybox
-itx busybox
--nosuch busybox
--name
`;

const others = `
update -m 64m --cpus 2 --restart always c
update --restart on-failure:2 c d
update --blkio-weight 100 --cpu-shares 5 --cpuset-cpus 0 --pids-limit 7 --memory-swap -1 c
network create n
network create -d bridge --internal --attachable --ipv6 --label a=b -o x=y n
network create --subnet 10.1.0.0/16 --gateway 10.1.0.1 --ip-range 10.1.5.0/24 --aux-address h=10.1.0.9 n
network create --subnet 10.1.0.0/16 --subnet fd00::/64 --gateway fd00::1 --ipam-driver d --ipam-opt a=b n
network create --gateway 10.1.0.1 n
network connect --alias a --alias b --ip 1.2.3.4 --ip6 ::1 --link-local-ip 169.254.1.1 --link x --driver-opt a=b n c
network connect n c
network disconnect n c
network disconnect -f n c
network prune -f --filter until=1h
volume create v
volume create -d x -o a=b --label l=m v
volume create
volume rm -f v
volume prune -f
volume prune -af --filter label=x
container prune -f --filter label=a --filter until=5m
image prune -f
image prune -af
exec c ls
exec -d -e A=1 --env-file env-file --privileged -u u -w /w c ls -l
kill c
kill -s TERM c
stop -t 5 c
stop -s INT c
restart -t 0 c
pause c
unpause c d
rename a b
rm c
rm -fv c
rm -l c
tag a b:c
tag a localhost:5000/b
rmi a
rmi -f --no-prune a
commit -a me -m msg -c LABEL=1 -p=false c r:t
commit c
commit c r
top c
top c -o pid
diff c
logs --details c
logs -f --tail 5 -t c
ps -a
ps -n 3
ps -l
ps -s
ps --filter status=exited --filter label=a=b --filter label=c
ps --filter bad
images -a
images --filter dangling=true x
pull x
pull x:y
pull localhost:5000/x@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
pull -a x
pull -a x:y
pull --platform linux/arm64 x
pull A
history x
save x y
cp c:/x -
start c
logs --since 2013-01-02T13:23:37.5Z --until 2014-01-02T13:23:37+02:00 c
logs --since yesterday c
events --since 10 --until 20 --filter type=container --filter label=a
events --until nonsense
wait c
port c
nosuch
network nosuch
`;

const split = (text: string): string[][] =>
  text
    .trim()
    .split("\n")
    .map((line) => line.split(" "));

export const commandLines: readonly (readonly string[])[] = [
  ...split(create).map((words) => ["create", ...words]),
  ...split(others),
];
