"""Stands in for the worker: a shell script that ends as the job's revision says, in a second and without a database.

`clone-65` is an exit code of `clone`, `exit-75` one of `index`; `oom` takes more memory than it may; `sleep` runs until it is told to end.
"""

SCRIPT = r"""
orders=/run/indexjob/orders/run-spec.json
revision=$(sed 's/.*"revision":"\([^"]*\)".*/\1/' $orders)
say() { printf '{"reason":"%s","message":"%s","exit_code":%s}' "$1" "$2" "$3" >/dev/termination-log; }
trap 'say Terminated "told to end" 75; exit 75' TERM
touch /workspace/$0 && echo "at $0 of $revision, from https://user:canary@git.test/"
case "$0 $revision" in
  "clone clone-65") say RevisionNotFound "no such revision" 65; exit 65 ;;
  "clone clone-"*) exit ${revision#clone-} ;;
  "index exit-65") say TooLarge "more than it takes on" 65; exit 65 ;;
  "index exit-124") say DeadlineExceeded "longer than its deadline" 124; exit 124 ;;
  "index exit-75") say NetworkError "no way there" 75; exit 75 ;;
  "index exit-"*) exit ${revision#exit-} ;;
  "index oom") exec python3 -c "held = [bytearray(1 << 20) for _ in range(4096)]" ;;
  "index sleep"*) while :; do sleep 0.2; done ;;
esac
exit 0
"""
COMMAND = ("sh", "-c", SCRIPT)
