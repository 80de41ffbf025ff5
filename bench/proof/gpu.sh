#!/bin/sh
# Trains all weights of a student on one GPU, evaluates it there and leaves it in parts that travel:
#
#     bench/proof/gpu.sh ROWS OUT [--tokens N] [--base FOLDER] [--eval SCENARIOS] [OPTION OF sekft train …]
#
# ROWS: an export, or Parquet rows (30 million tokens are some 40 MB). OUT: where all of it goes; run again to resume.
# --eval: a folder of scenarios; needs a sandbox (`sekft doctor`), and is left out with a word where there is none.
# OUT/student.part-*: the weights that changed, in bfloat16, 60 MB each; `python -m bench.proof.parts join` puts them back.
#
# Needs no network: torch, transformers, safetensors, tokenizers and this checkout (PYTHONPATH or installed).
# TRAIN_S (420): seconds after which training is asked to stop at its checkpoint, so that the whole ends in 12 minutes.
set -eu
[ $# -ge 2 ] || { sed -n '3,4s|^# *||p' "$0" >&2; exit 2; }
rows=$1 out=$2
shift 2
scenarios='' base=smollm2
for word; do
    shift
    case $word in
        --eval | --base) want=$word; continue ;;
    esac
    case ${want:-} in
        --eval) scenarios=$word ;;
        --base) base=$word ;;
        *) set -- "$@" "$word" ;;
    esac
    want=''
done
root=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
[ -x "$python" ] || python=python3
export PYTHONPATH="$root/src:$root${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
cli='from sekft.cli import main; main()'

began=$(date +%s)
took() { echo "gpu.sh: $1 after $(($(date +%s) - began)) s"; }
"$python" -c 'import torch; print("gpu.sh:", torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU: a trial")'
status=0
timeout --signal=TERM "${TRAIN_S:-420}" "$python" -c "$cli" \
    train --data "$rows" --base "$base" --layers 0 --out "$out/student" "$@" || status=$?
took "training ended with $status"
[ -e "$out/student/training.json" ] || { echo 'gpu.sh: not done: run the same line again, or give fewer --tokens' >&2; exit 1; }
"$python" -m bench.proof.parts split "$out/student" "$base" "$out"
took "parts written"
if [ -n "$scenarios" ]; then
    if "$python" -c "$cli" doctor >/dev/null 2>&1; then
        "$python" -c "$cli" eval --scenarios "$scenarios" --model "$out/student" --out "$out/eval" \
            --max-tokens 200 --max-turns 20 --concurrency 128 --most "${MOST:-300}"
    else
        echo 'gpu.sh: no sandbox here (sekft doctor says why): evaluate elsewhere, from the parts'
    fi
    took "evaluated"
fi
