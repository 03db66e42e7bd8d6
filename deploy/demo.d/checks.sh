# shellcheck shell=bash
# What deploy/demo asks the running Prometheus, and what must be true of the answers. Sourced.
# Uses: $prometheus and $auspex (host:port), $truth (JSON file), say, die.

full_soon=StorageFullSoon

# promql QUERY: the result of an instant query, as JSON.
promql() {
  curl -sSf --max-time 20 "http://$prometheus/api/v1/query" --data-urlencode "query=$1" |
    jq -c '.data.result'
}

# series_of QUERY: how many series it returns.
series_of() { promql "$1" | jq length; }

# wait_until SECONDS WHAT COMMAND...: polls COMMAND once a second until it succeeds.
wait_until() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [[ $SECONDS -lt $deadline ]] || die "gave up waiting until $what"
    check_alive
    sleep 1
  done
}

# The labels that name an aggregate, from JSON objects that hold them, sorted.
aggregate_names='[.[] | "\(.cluster) \(.group) \(.user) \(.storage_type)"] | sort'

# Who reaches the quota, as the simulator knows; and who the firing alert names.
will_fill() { jq -c "[.[] | select(.seconds_to_limit != null)] | $aggregate_names" "$truth"; }
alerted() {
  curl -sSf --max-time 20 "http://$prometheus/api/v1/alerts" |
    jq -c --arg name "$1" '[.data.alerts[] | select(.state == "firing") | .labels
      | select(.alertname == $name)] | '"$aggregate_names"
}

alerts_are_right() { [[ $(alerted $full_soon) == "$(will_fill)" ]]; }

# Exactly one live series per aggregate and lead.
check_written_back() {
  local selector='storage_used_bytes_forecast{horizon="6h",quantile="0.5"}' doubled
  doubled=$(series_of "count by (cluster, group, user, storage_type) ($selector) != 1")
  [[ $(series_of "$selector") -eq $aggregates && $doubled -eq 0 ]] ||
    die "$selector has $(series_of "$selector") series for $aggregates aggregates, $doubled doubled"
  say "ok: $selector has one live series for each of $aggregates aggregates"
}

# The curve answers the next 24 hours, point by point, for every aggregate (day and night are series
# of their own).
check_curve() {
  local selector='storage_used_bytes_forecast{forecast="curve",quantile="0.5"}' from to complete
  from=$(date +%s) to=$(($(date +%s) + 86400))
  complete=$(curl -sSf --max-time 30 "http://$prometheus/api/v1/query_range" \
    --data-urlencode "query=max by (cluster, group, user, storage_type) ($selector)" \
    -d "start=$from" -d "end=$to" -d step=300 |
    jq --argjson to "$to" '[.data.result[] | select((.values | length) > 270
      and .values[-1][0] > $to - 3600)] | length')
  [[ $complete -eq $aggregates ]] ||
    die "$selector answers the next 24 hours for $complete of $aggregates aggregates"
  say "ok: $selector answers the next 24 hours for $aggregates aggregates"
}

check_recording_rule() {
  local series=user:storage_used_bytes_forecast:max_6h
  wait_until 60 "the recording rule $series has a value for every aggregate" \
    has_series "$series" "$aggregates"
  say "ok: the recording rule $series, read from the curve, has $aggregates series"
}
has_series() { [[ $(series_of "$1") -eq $2 ]]; }

# The alert fires for whoever the story lets fill up, and for nobody else.
check_alerts() {
  local deadline=$((SECONDS + 150))
  until alerts_are_right; do
    check_alive
    [[ $SECONDS -lt $deadline ]] || die "$full_soon fires for $(alerted $full_soon), but the" \
      "simulator lets $(will_fill) reach the quota"
    sleep 2
  done
  say "ok: $full_soon fires for exactly those who will reach their quota"
}

# The most memory that the daemon has had, in MB.
peak_memory() { awk '/^VmHWM:/ {print int($2 / 1024)}' "/proc/$1/status"; }

check_memory() {
  local mb
  mb=$(peak_memory "$1")
  [[ $mb -lt 100 ]] || die "auspex took $mb MB of memory, 100 or more"
  say "ok: auspex took at most $mb MB of memory"
}

print_alerts() {
  local wolf
  printf '\nFiring %s, beside what the simulator knows:\n' $full_soon
  curl -sSf "http://$prometheus/api/v1/alerts" | jq -r --arg name $full_soon \
    --slurpfile truth "$truth" '.data.alerts[] | select(.state == "firing")
      | select(.labels.alertname == $name) | .labels as $l
      | ($truth[0][] | select(.cluster == $l.cluster and .user == $l.user
          and .storage_type == $l.storage_type)) as $t
      | "  \($l.cluster) \($l.user) \($l.storage_type): full in \((.value | tonumber) / 360
          | floor / 10) h; in truth in \($t.seconds_to_limit / 360 | floor / 10) h"'
  wolf=$(alerted StraightLineSaysFull | jq length)
  printf 'predict_linear over the same data fires for %d; %d will reach the quota.\n' "$wolf" \
    "$(will_fill | jq length)"
}
