# shellcheck shell=bash
# What the scripts of deploy/ and tests/ share. Sourced, never run.

auspex_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The real servers that the demo, the tests and the benchmarks meet; deploy/setup puts them there.
export AUSPEX_PROMETHEUS_2=$auspex_root/build/peers/prometheus-2/usr/bin/prometheus
export AUSPEX_PROMETHEUS_3=$auspex_root/build/peers/prometheus-3/usr/bin/prometheus
export AUSPEX_VICTORIA_METRICS=$auspex_root/build/peers/victoria-metrics/usr/bin/victoria-metrics
export AUSPEX_PROMTOOL=$auspex_root/build/peers/prometheus-2/usr/bin/promtool

say() { printf '%s: %s\n' "${0##*/}" "$*"; }
die() {
  printf '%s: error: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# One build job per core, but never more than memory allows (about 1.5 GiB a job).
build_jobs() {
  local by_memory
  by_memory=$(($(awk '/^MemAvailable:/ {print $2}' /proc/meminfo) / 1572864))
  local cores
  cores=$(nproc)
  echo $((by_memory < 1 ? 1 : by_memory < cores ? by_memory : cores))
}

# The version of a prometheus binary, "2.42.0+ds" or "" when it does not run.
prometheus_version() {
  [[ -x $1 ]] || return 0
  "$1" --version 2>/dev/null | sed -n 's/^prometheus, version \([^ ]*\).*/\1/p' || true
}
