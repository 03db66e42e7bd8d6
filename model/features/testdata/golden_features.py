#!/usr/bin/env python3
"""Features of three windows, from docs/model.md, in double precision: golden_features.txt.

Usage: golden_features.py > golden_features.txt
       golden_features.py --check golden_features.txt    fails at the first number that differs

Independent of model/features and to be read beside docs/model.md: loops, and means over slices.
Left out is what these three windows never reach: the guards kZMax and kShapeMax, grids without
a day, series without a value.
"""
from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass, replace

import numpy as np

HEADER = """\
# Features of three windows, computed with numpy by an independent implementation of docs/model.md.
# The series: golden_test.cc, GoldenSeries. "window" is 47 values, "patches" and "candidates" row \
by row.
# "covariates" (5 each) and "announced" (kCandidateAnnounced) are of GoldenCovariates; "special" \
is 4 a target."""
# step_ms, steps, horizon, gap, seed, first_ms; then the targets.
CASES = [
    ((3600000, 960, 48, 101, 7, 1699999200000), (1, 5, 23, 24, 25, 47, 48)),
    ((300000, 6912, 288, 53, 3, 1712345400000), (1, 2, 12, 144, 287, 288)),
    ((900000, 288, 96, 0, 11, 1689999300000), (1, 50, 96)),
]
ABSOLUTE, RELATIVE = 2e-6, 1e-5  # tolerance of --check
DAY_MS = 86400000
PATCHES = 14
PATCH_MEANS = 24
CANDIDATES = 20
SAME_TIME = 7  # of the candidates: the mean of four days
SHORT_BACKS, SHORT_LEADS = (1/8, 1/4, 3/8, 1/2, 3/4, 1, 3/2, 2), (1/48, 1/24, 1/12, 1/8)
LONG_BACKS, LONG_LEADS = (1, 3/2, 2, 3), (1/7, 2/7, 3/7, 4/7, 5/7, 6/7, 1)
ANNOUNCED_LEADS = (1/24, 1/8, 1/2, 1)


# The series of golden_test.cc.

def noise(seed: int, steps: int) -> list[float]:
    result = []
    for _ in range(steps):
        seed = (seed * 1103515245 + 12345) % 2**31
        result.append(seed / 2**31 - 0.5)
    return result


def rounded(value: float) -> float:
    return math.floor(value * 64 + 0.5) / 64


def whole_series(seed: int, steps: int, day: int) -> list[float]:
    angles = [2 * math.pi * t / day for t in range(steps)]
    return [rounded(100 + 20 * math.sin(angle) + 5 * math.sin(angle / 7) +
                    0.01 * (t % (3 * day)) + 8 * random)
            for t, (angle, random) in enumerate(zip(angles, noise(seed, steps)))]


def series_with_gaps(seed: int, steps: int, day: int, gap: int) -> list[float]:
    return [math.nan if gap > 0 and t * 7919 % gap < 2 else value
            for t, value in enumerate(whole_series(seed, steps, day))]


def covariate_series(seed: int, steps: int, day: int) -> list[list[float]]:
    """One that knows nothing, one that tells a rise, and the same without its last hour."""
    lead = max(1, day // 8)
    future = whole_series(seed, steps + day // 8 + 1, day)
    first, second = noise(seed + 101, steps), noise(seed + 102, steps)
    unrelated, rise, absent = [], [], []
    for t in range(steps):
        usual = 40 + 10 * math.sin(2 * math.pi * t / day)
        unrelated.append(math.nan if t * 7907 % 19 < 2 else rounded(usual + 30 * first[t]))
        rise.append(rounded(future[t + lead] - future[t] + 4 * second[t]))
        absent.append(math.nan if t + max(2, day // 24) >= steps else rise[t])
    return [unrelated, rise, absent]


# The window.

class Season:
    """Spans of time in steps; each has the points that it needs to be a mean or a difference."""

    def __init__(self, day: int):
        self.day, self.week = day, 7 * day
        self.six_hours, self.hour = max(3, day // 4), max(2, day // 24)
        self.half_hour = max(2, day // 48)
        self.smoothing = day // 48  # to either side


@dataclass(frozen=True)
class View:
    """Steps first..last of a series, where `first` has a value."""

    values: np.ndarray  # filled forward
    observed: np.ndarray
    first: int
    last: int

    @staticmethod
    def of(series: list[float]) -> View:
        observed = ~np.isnan(series)
        first = list(observed).index(True)
        values = np.array(series)
        for t in range(first + 1, len(values)):
            if not observed[t]:
                values[t] = values[t - 1]
        return View(values, observed, first, len(values) - 1)

    def until(self, last: int) -> View:
        return replace(self, last=last)

    def steps(self) -> int:
        return self.last - self.first + 1

    def clamped(self, begin: int, end: int) -> slice:
        return slice(max(begin, self.first), max(0, min(end, self.last + 1)))

    def part(self, begin: int, end: int) -> np.ndarray:
        """The values of [begin, end) that the view has."""
        return self.values[self.clamped(begin, end)]

    def observed_count(self, begin: int, end: int) -> int:
        return np.count_nonzero(self.observed[self.clamped(begin, end)])

    def newest(self, n: int) -> np.ndarray:
        return self.part(self.last + 1 - n, self.last + 1)

    def mean(self, begin: int, end: int) -> float:
        """NaN where the view has nothing."""
        part = self.part(begin, end)
        return np.mean(part) if len(part) > 0 else math.nan

    def smooth(self, centre: int, half_width: int) -> float:
        centre = min(centre, self.last - half_width)
        return self.mean(centre - half_width, centre + half_width + 1)


def scale_of(values: np.ndarray, day: int) -> float:
    """Of a window's values, newest last, with `day` steps in a day."""
    week = values[-7 * day:]
    deviation = np.std(week)
    change = usual_change(np.abs(values[day:] - values[:-day])[-7 * day:])
    scale = 0.8 * change + 0.2 * min(deviation, 3 * change) if change > 0 else 0.3 * deviation
    return max(scale, 1e-3 * abs(np.mean(week)) + 1e-9)


def usual_change(changes: np.ndarray) -> float:
    if len(changes) == 0:
        return 0
    most = np.sort(changes)[len(changes) * 9 // 10]
    return np.mean(np.minimum(changes, 2 * most)) if most > 0 else np.mean(changes)


def shape_features(view: View, season: Season, level: float, scale: float) -> list[float]:
    week = view.newest(season.week)
    deviation, absolute_deviation = np.std(week), np.mean(np.abs(week - np.mean(week)))
    last = view.values[view.last]
    mean_day = np.mean(view.newest(season.day))
    mean_six_hours = np.mean(view.newest(season.six_hours))
    return [
        math.log(deviation / scale + 1e-3),
        math.log1p(abs(last - level) / scale),
        math.asinh((last - mean_six_hours) / scale),
        math.log1p(absolute_deviation / max(deviation, 1e-12)),
        min(view.steps() / season.day, 28) / 14,
        1 if mean_day == 0 else 0,
        math.asinh((mean_day - level) / scale),
    ]


# Candidates.

def or_else(value: float, otherwise: float) -> float:
    return otherwise if math.isnan(value) else value


def mean_of_known(values: list[float], otherwise: float) -> float:
    known = [value for value in values if not math.isnan(value)]
    return np.mean(known) if known else otherwise


def ratio(now: float, then: float) -> float:
    return min(max(now / then, 1/4), 4) if now > 0 and then > 0 else 1


def usual_at_origin(view: View, season: Season) -> float:
    days = [view.smooth(view.last - d * season.day, season.smoothing) for d in range(1, 5)]
    return mean_of_known(days, view.values[view.last])


def past_of_target(view: View, season: Season, k: int, period: int, n: int) -> list[float]:
    """Means around the steps whole periods before a target, from the newest that is past."""
    newest = view.last + k - period * math.ceil(k / period)
    return [view.smooth(newest - i * period, season.smoothing) for i in range(n)]


def candidates_at(view: View, season: Season, k: int) -> list[float]:
    """The naive forecasts k steps ahead, in the order of candidates.h."""
    day, week = season.day, season.week
    last = view.values[view.last]
    half_hour, hour, six_hours, mean_day = (
        np.mean(view.newest(n))
        for n in (season.half_hour, season.hour, season.six_hours, day))

    def before(ago: int, steps: int, now: float) -> float:
        end = view.last + 1 - ago
        return or_else(view.mean(end - steps, end), now)

    days_ahead = math.ceil(k / day)
    yesterday = view.last + k - day * days_ahead
    as_it_was = view.values[yesterday] if yesterday >= view.first else last
    days = past_of_target(view, season, k, day, 7)
    smoothed = or_else(days[0], last)
    rising = smoothed + days_ahead * (mean_day - before(day, day, mean_day))
    four_days, seven_days = mean_of_known(days[:4], last), mean_of_known(days, last)
    median_of_days = np.median([or_else(value, seven_days) for value in days])

    weeks = past_of_target(view, season, k, week, 3)
    last_week = or_else(weeks[0], rising)
    three_weeks = np.mean([or_else(value, last_week) for value in weeks])
    slope = (hour - six_hours) / max(1, (season.six_hours - season.hour) / 2)
    return [
        last, hour, six_hours, mean_day,
        as_it_was, smoothed, rising,
        four_days,
        last_week * ratio(hour, before(week, season.hour, hour)),
        last_week,
        three_weeks,
        last_week + six_hours - before(week, season.six_hours, six_hours),
        median_of_days + half_hour - usual_at_origin(view, season),
        last + slope * min(k, day // 2),
        np.median(view.newest(day)), np.median(view.newest(week)), median_of_days,
        last_week * ratio(mean_day, before(week, day, mean_day)),
        four_days * ratio(mean_day, before(day, 4 * day, mean_day)),
        seven_days,
    ]


def lead_steps(shares: tuple, horizon: int) -> list[int]:
    return sorted({max(1, math.floor(share * horizon + 0.5)) for share in shares})


def backtest_logs(view: View, season: Season, horizon: int, scale: float, backs: tuple,
                  leads: tuple) -> list[float]:
    """Log of each candidate's error at past origins over the best one's."""
    earliest = view.first + max(4, season.day // 4)
    horizon = min(horizon, view.last - earliest)
    errors, weights = np.zeros(CANDIDATES), 0
    for back in backs:
        origin = view.last - max(1, int(back * horizon))
        if horizon < 1 or origin < earliest:
            break
        for k in lead_steps(leads, horizon):
            if origin + k <= view.last and view.observed[origin + k]:
                said = np.array(candidates_at(view.until(origin), season, k))
                errors += np.abs(said - view.values[origin + k]) / back
                weights += 1 / back
    if weights == 0:
        return [0] * CANDIDATES
    errors = errors / weights + 1e-3 * scale
    return list(np.minimum(np.log(errors / np.min(errors)), 4))


# Time, and day patches.

def circle(time_ms: int, period_ms: int) -> tuple[float, float]:
    angle = 2 * math.pi * (time_ms % period_ms) / period_ms
    return math.sin(angle), math.cos(angle)


def time_of_day(time_ms: int) -> tuple[float, float]:
    return circle(time_ms, DAY_MS)


def day_of_week(time_ms: int) -> tuple[float, float]:
    return circle(time_ms - 4 * DAY_MS, 7 * DAY_MS)  # from Monday; 1970-01-01 was a Thursday


def target_features(view: View, season: Season, horizon: int, k: int, time_ms: int) -> list[float]:
    sin, cos = time_of_day(time_ms)
    week = day_of_week(time_ms) if view.steps() >= 13 * season.day else (0, 0)
    week_ago = past_of_target(view, season, k, season.week, 1)[0]
    return [k / horizon, math.log1p(k) / math.log1p(horizon), sin, cos, 2 * sin * cos,
            cos**2 - sin**2, *week, 0 if math.isnan(week_ago) else 1]


def special_features(days: tuple, time_ms: int) -> list[int]:
    day = time_ms // DAY_MS
    return [1 if near in days else 0 for near in (day, day - 1, day + 1, day - 7)]


def patches(view: View, season: Season, level: float, scale: float,
            origin_ms: int) -> list[float]:
    day, result = season.day, []
    means = min(day, PATCH_MEANS)
    part = day // means
    for age in range(PATCHES - 1, -1, -1):
        end = view.last + 1 - age * day
        values = [view.mean(end - i * part, end - (i - 1) * part) for i in range(means, 0, -1)]
        if day > PATCH_MEANS:
            known = view.part(end - day, end)
            values += ([np.max(known), np.min(known), level + np.std(known)] if len(known) > 0
                       else [math.nan] * 3)
        result += [math.asinh((or_else(value, level) - level) / scale) for value in values]
        end_ms = origin_ms - age * DAY_MS
        result += [view.observed_count(end - day, end) / day,
                   *time_of_day(end_ms), *day_of_week(end_ms)]
    return result


# Covariates.

def is_absent(covariate: View, season: Season) -> bool:
    return not np.any(covariate.observed[-season.hour:])


def covariate_features(covariate: View, season: Season, window_steps: int) -> list[float]:
    week, end = min(season.week, window_steps), covariate.last + 1
    missing = 1 - covariate.observed_count(end - week, end) / week
    if is_absent(covariate, season):
        return [0, 0, 0, missing, 1]
    scale = scale_of(covariate.newest(covariate.steps()), season.day)
    hour = np.mean(covariate.newest(season.hour))
    against = [np.mean(covariate.newest(n)) for n in (season.week, season.day, season.six_hours)]
    return [math.asinh((hour - mean) / scale) for mean in against] + [missing, 0]


def ridge(x: np.ndarray, y: np.ndarray, penalty: float) -> tuple[np.ndarray, float, float]:
    """Coefficients and offset in the units of x and y, and the mean square of what is left."""
    mean, deviation = np.mean(x, axis=0), np.std(x, axis=0)
    constant = deviation <= 1e-9 * np.abs(mean)
    inverse = np.where(constant, 0, 1 / np.where(constant, 1, deviation))
    unit = (x - mean) * inverse
    matrix = unit.T @ unit / len(y) + penalty * np.eye(len(mean))
    coefficients = np.linalg.solve(matrix, unit.T @ (y - np.mean(y)) / len(y)) * inverse
    offset = np.mean(y) - coefficients @ mean
    return coefficients, offset, np.mean((y - x @ coefficients - offset)**2)


def stands_at(view: View, covariates: list[View], day: int, t: int) -> np.ndarray:
    """The value, and each covariate's means of four stretches of the day that ends with step t."""
    edges = [0, max(1, day // 24), max(2, day // 8), max(3, day // 4), max(4, day)]
    return np.array([view.values[t]] + [covariate.mean(t + 1 - far, t + 1 - near)
                                        for covariate in covariates
                                        for near, far in zip(edges, edges[1:])])


def fit_rises(view: View, covariates: list[View], day: int, first: int, leads: list[int],
              usual_days: int) -> tuple[list[float], float]:
    """Rises over the leads from the newest step on, and how badly such rises are fitted (a log).

    All that is read is less its mean at that time on so many days before.
    """
    def unusual(at, t: int):
        usual = sum(at(t - d * day) / usual_days for d in range(1, usual_days + 1))
        return at(t) - usual

    def inputs(t: int) -> np.ndarray:
        return unusual(lambda i: stands_at(view, covariates, day, i), t)

    last, oldest = view.last, first + usual_days * day
    stride = max(1, (last - oldest) // 256)
    steps = [last - row * stride for row in range(1, (last - oldest) // stride + 1)]
    rows = {t: inputs(t) for t in steps}
    now = inputs(last)
    rises, log_error = [], 0
    for lead in leads:
        known = [t for t in steps if t + lead <= last and view.observed[t + lead]]
        if len(known) < 8:
            rises.append(0)
            continue
        y = [unusual(lambda i: view.values[i + lead] - view.values[i], t) for t in known]
        independent = 1 + (last - lead - oldest) / lead
        coefficients, offset, error = ridge(
            np.array([rows[t] for t in known]), np.array(y), len(now) / independent)
        rises.append(offset + coefficients @ now)
        log_error += math.log(error + 1e-300)
    return rises, log_error


def announced(view: View, covariates: list[View], season: Season, horizon: int,
              targets: tuple) -> list[float]:
    present = [covariate for covariate in covariates if not is_absent(covariate, season)]
    first = max([view.first] + [covariate.first + max(3, season.day // 4) for covariate in present])
    leads = lead_steps(ANNOUNCED_LEADS, horizon)
    rises, log_error = fit_rises(view, present, season.day, first, leads, 0)
    seasonal = False
    usual_days = min((view.last - horizon - first) // (2 * season.day), 4)
    if usual_days > 0:
        other, other_error = fit_rises(view, present, season.day, first, leads, usual_days)
        if other_error < log_error:
            rises, seasonal = other, True
    result = []
    for k in targets:
        base = view.values[view.last]
        if seasonal:
            base += candidates_at(view, season, k)[SAME_TIME] - usual_at_origin(view, season)
        result.append(base + np.interp(k, [0] + leads, [0] + rises))
    return result


# The file.

def rows_of(case: tuple, targets: tuple) -> dict[str, list[float]]:
    step_ms, steps, horizon, gap, seed, first_ms = case
    season = Season(DAY_MS // step_ms)
    view = View.of(series_with_gaps(seed, steps, season.day, gap))
    covariates = [View.of(series) for series in covariate_series(seed, steps, season.day)]
    origin_ms = first_ms + (steps - 1) * step_ms
    times_ms = [origin_ms + k * step_ms for k in targets]
    today = origin_ms // DAY_MS
    special_days = (today - 7, today - 6, today + 1)
    level = np.mean(view.newest(season.hour))
    scale = scale_of(view.newest(view.steps()), season.day)

    def to_z(values: list[float]) -> list[float]:
        return [(value - level) / scale for value in values]

    return {
        "k": targets,
        "level": [level],
        "scale": [scale],
        "window": shape_features(view, season, level, scale) +
                  backtest_logs(view, season, horizon, scale, SHORT_BACKS, SHORT_LEADS) +
                  backtest_logs(view, season, horizon, scale, LONG_BACKS, LONG_LEADS),
        "patches": patches(view, season, level, scale, origin_ms),
        "candidates": to_z(sum((candidates_at(view, season, k) for k in targets), [])),
        "features": sum((target_features(view, season, horizon, k, time_ms)
                         for k, time_ms in zip(targets, times_ms)), []),
        "covariates": sum((covariate_features(covariate, season, view.steps())
                           for covariate in covariates), []),
        "announced": to_z(announced(view, covariates, season, horizon, targets)),
        "special_share": [sum(day in special_days for day in range(today - 6, today + 1)) / 7],
        "special": sum((special_features(special_days, time_ms) for time_ms in times_ms), []),
    }


def file_lines() -> list[str]:
    lines = HEADER.splitlines()
    for case, targets in CASES:
        lines.append("case " + " ".join(str(value) for value in case))
        for name, values in rows_of(case, targets).items():
            form = "%.12g" if name in ("level", "scale") else "%.9g"
            lines.append(" ".join([name] + [form % value for value in values]))
    return lines


def first_difference(actual: list[str], expected: list[str]) -> str | None:
    """None where all numbers are close."""
    actual, expected = ([line.split() for line in lines if line and not line.startswith("#")]
                        for lines in (actual, expected))
    case = 0
    for (name, *ours), (other, *theirs) in zip(actual, expected):
        case += name == "case"
        if name != other or len(ours) != len(theirs):
            return f"case {case}: row {name} of {len(ours)} is {other} of {len(theirs)} in the file"
        for i, (a, e) in enumerate(zip(ours, theirs)):
            exact = name in ("case", "k")
            tolerance = 0 if exact else ABSOLUTE + RELATIVE * abs(float(e))
            if not abs(float(a) - float(e)) <= tolerance:  # a NaN is close to nothing
                return f"case {case}: row {name}, index {i} is {a}, in the file {e}"
    if len(actual) != len(expected):
        return f"{len(actual)} rows, in the file {len(expected)}"
    return None


def main() -> str | None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", metavar="FILE", help="compare with a file, write nothing")
    arguments = parser.parse_args()
    if arguments.check is None:
        print("\n".join(file_lines()))
        return None
    with open(arguments.check, encoding="utf-8") as file:
        return first_difference(file_lines(), file.read().splitlines())


if __name__ == "__main__":
    sys.exit(main())
