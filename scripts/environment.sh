# Sourced by every script: where caches live and which tools come first. Sets nothing that is already set.
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export CLOISTER_CACHE=${CLOISTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cloister}
# All checkouts share one target directory: a cold build of the dependencies takes minutes.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CLOISTER_CACHE/target}
# Cargo names our own crates' artifacts by their path within the checkout and compares times, so that one checkout would
# take another's newer artifacts for its own: whoever comes second compiles our crates anew, and only those.
if [ -d "$CARGO_TARGET_DIR" ] && [ "$(cat "$CARGO_TARGET_DIR/checkout" 2>/dev/null)" != "$repository" ]; then
    rm -rf "$CARGO_TARGET_DIR"/*/.fingerprint/cloister-*
fi
mkdir -p "$CARGO_TARGET_DIR"
printf '%s' "$repository" >"$CARGO_TARGET_DIR/checkout"
# A CI machine builds once: what incremental compilation keeps for the next time only costs it disk and time.
if [ "${CI:-}" = true ]; then export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}; fi
# The Python tools are keyed by the pinned list, so a change of the list makes a new environment.
pinned=$(cksum <"$repository/scripts/requirements.txt" | cut -d' ' -f1)
export CLOISTER_VENV=${CLOISTER_VENV:-$CLOISTER_CACHE/venv-$pinned}
# checkov pins versions that others do not get along with, so the deploy step's tools stand by themselves.
pinned=$(cksum <"$repository/scripts/deploy/requirements.txt" | cut -d' ' -f1)
export CLOISTER_DEPLOY_VENV=${CLOISTER_DEPLOY_VENV:-$CLOISTER_CACHE/venv-deploy-$pinned}
pinned=$(cksum <"$repository/scripts/deploy/chart-requirements.txt" | cut -d' ' -f1)
export CLOISTER_CHART_VENV=${CLOISTER_CHART_VENV:-$CLOISTER_CACHE/venv-chart-$pinned}
pinned=$(cksum <"$repository/scripts/hostile/requirements.txt" | cut -d' ' -f1)
export CLOISTER_HOSTILE_VENV=${CLOISTER_HOSTILE_VENV:-$CLOISTER_CACHE/venv-hostile-$pinned}
export PATH=$PATH:$HOME/.cargo/bin:$CLOISTER_VENV/bin
export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false
