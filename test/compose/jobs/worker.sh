# Takes one number after the other and puts its square into the list of results, with its own name.
echo "worker $HOSTNAME ready"
while :; do
  number=$(redis-cli -h queue blpop numbers 0 | tail -1)
  [ -n "$number" ] || continue
  redis-cli -h queue rpush squares "$number $((number * number)) $HOSTNAME" >/dev/null
  echo "squared $number"
done
