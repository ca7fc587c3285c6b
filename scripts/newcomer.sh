#!/usr/bin/env bash
# What README and tutorial say, done as they say it by somebody who has nothing: a fresh clone in an empty folder, the
# package installed beside it, each command and what it has to come to. It asks the npm registry; some minutes.
#
#   scripts/newcomer.sh            of the commit that is checked out
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export HOME="$place/home" PAWL_ACTOR=alice NO_COLOR=1
mkdir "$HOME"
unset PAWL_DATA_DIR PAWL_URL PAWL_TOKEN PAWL_STORE PAWL_DYNAMODB_ENDPOINT PAWL_CONTEXT

say() { printf '\n== %s\n' "$*"; }
# expect EXIT WORDS COMMAND…: the command ends with this exit code, and says these words.
expect() {
  local wanted=$1 words=$2 out exit=0
  shift 2
  printf '$ %s\n' "$*"
  out=$("$@" 2>&1) || exit=$?
  printf '%s\n' "$out"
  if [ "$exit" != "$wanted" ]; then echo "newcomer: exit $exit instead of $wanted" >&2; exit 1; fi
  if ! grep -qF -- "$words" <<< "$out"; then echo "newcomer: does not say: $words" >&2; exit 1; fi
}

say 'README: Try it'
git clone --quiet "$root" "$place/clone"
cd "$place/clone"
npm ci --no-audit --no-fund > /dev/null
expect 0 'It happened once.' npm run demo

say 'README: Install'
npm pack --silent > /dev/null
mkdir "$place/user" && cd "$place/user"
npm init --yes > /dev/null
npm install --no-audit --no-fund "$place"/clone/pawl-*.tgz > /dev/null
# The package brings no Node; this machine's may be older than it needs.
export PATH="$place/clone/node_modules/.bin:$PATH"
expect 0 '0.1.0' npx pawl --version
expect 0 'Wrote' npx pawl new started
expect 0 'ok, runbook started' npx pawl check started.md

say 'README: A first runbook'
awk '/^````markdown$/ { on = 1; next } /^````$/ { on = 0 } on' "$place/clone/README.md" > tidy.md
mkdir files && touch files/a.tmp files/kept
expect 0 'tidy.md: ok, runbook tidy' npx pawl check tidy.md
expect 0 'Nothing was published or run.' npx pawl plan tidy.md -p dir="$place/user/files"
expect 3 'Parked: look waits for a person.' npx pawl run tidy.md --instance mine -p dir="$place/user/files"
[ ! -e files/a.tmp ] && [ -e files/kept ]
expect 0 'look' npx pawl done mine look --note 'all there'
expect 0 'all there' npx pawl journal mine
expect 0 'Nothing is in doubt' npx pawl doubts
expect 0 'Every cell is as declared' npx pawl test tidy.md -p dir="$place/user/files" --yes
expect 0 'nothing is broken' npx pawl verify --all

say 'README: Serve it'
# Not by npx, which keeps signals for itself.
node_modules/.bin/pawl serve --port 0 > served.txt 2>&1 &
served=$!
until grep -q 'Pawl is ready' served.txt; do kill -0 $served; sleep 0.1; done
url=$(sed -n 's/^Pawl is ready at \([^ ]*\).*/\1/p' served.txt)
expect 0 'Passed' npx pawl --url "$url" run node_modules/pawl/runbooks/hello.md
kill -TERM $served
wait $served

say 'docs/tutorial.md, and docs/runbooks.md, with what was installed'
cd "$place/clone"
PAWL_LAUNCHER="$place/user/node_modules/pawl/bin/pawl.js" npx vitest run --project cli test/docs/tutorial.test.ts test/docs/runbooks.test.ts

say 'All of it is as README and tutorial say.'
