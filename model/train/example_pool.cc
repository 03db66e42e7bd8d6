#include "model/train/example_pool.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>

#include "model/features/features.h"

namespace auspex::model {
namespace {

// An origin must be an observed step; so many tries in a series full of gaps.
constexpr int kOriginTries = 16;
// A window whose targets or candidates lie further off than this many scales counts for less, in
// proportion: after a long constant stretch the scale is tiny, and one such window would drown its
// batch.
constexpr float kReach = 30;

// Rows of the pool that come from one series; a piece of work for one thread.
constexpr size_t kRowsPerDraw = 128;
struct Draw {
  size_t series = 0;
  std::vector<int> rows;
};

// SplitMix64: independent generators for neighbouring seeds.
uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

int Uniform(std::mt19937_64& random, int first, int last) {
  return std::uniform_int_distribution<int>(first, last)(random);
}

std::vector<Draw> DrawSeries(std::span<const PoolSeries> series, const PoolOptions& options) {
  std::vector<size_t> usable;
  for (size_t i = 0; i < series.size(); ++i) {
    if (!series[i].range.empty()) usable.push_back(i);
  }
  if (usable.empty()) return {};
  std::vector<std::vector<int>> rows(usable.size());
  std::mt19937_64 random(Mix(options.seed));
  for (int row = 0; row < options.windows; ++row) {
    const int i = Uniform(random, 0, static_cast<int>(usable.size()) - 1);
    rows[static_cast<size_t>(i)].push_back(row);
  }
  std::vector<Draw> draws;
  for (size_t i = 0; i < usable.size(); ++i) {
    for (size_t j = 0; j < rows[i].size(); j += kRowsPerDraw) {
      const auto begin = rows[i].begin() + static_cast<ptrdiff_t>(j);
      const auto count = std::min(kRowsPerDraw, rows[i].size() - j);
      draws.push_back(
          {.series = usable[i], .rows = {begin, begin + static_cast<ptrdiff_t>(count)}});
    }
  }
  return draws;
}

void Resize(const ModelSpec& spec, const PoolOptions& options, ExamplePool* pool) {
  pool->windows = options.windows;
  pool->targets = options.targets_per_window;
  const auto windows = static_cast<size_t>(pool->windows);
  const size_t targets = windows * static_cast<size_t>(pool->targets);
  pool->window.resize(windows * static_cast<size_t>(spec.window_features()));
  pool->patches.resize(windows * static_cast<size_t>(spec.patches() * spec.patch_inputs()));
  pool->candidates.resize(targets * kCandidates);
  pool->features.resize(targets * static_cast<size_t>(spec.target_features()));
  pool->weight.resize(windows);
  pool->z.assign(targets, std::numeric_limits<float>::quiet_NaN());
}

void CopyRow(const std::vector<float>& from, std::vector<float>& to, int row) {
  std::copy(from.begin(), from.end(),
            to.begin() + static_cast<ptrdiff_t>(row) * static_cast<ptrdiff_t>(from.size()));
}

// Draws the rows of one series into the pool.
class SeriesDrawer {
 public:
  SeriesDrawer(const ModelSpec& spec, const PoolSeries& series, ExamplePool* pool)
      : series_(series),
        index_(spec, series.values, series.first_ms, series.covariates),
        builder_(spec),
        horizon_(spec.horizon_steps),
        pool_(*pool) {}

  // False when nothing usable was hit; the row then stays without targets.
  bool DrawRow(int row, uint64_t seed) {
    std::mt19937_64 random(Mix(seed));
    const int origin = DrawOrigin(random);
    if (origin < 0 || !builder_.Window(index_, origin, &window_)) return false;

    const int last_k = std::min(horizon_, series_.range.targets_end - 1 - origin);
    k_.resize(static_cast<size_t>(pool_.targets));
    for (int& k : k_) k = Uniform(random, 1, last_k);
    builder_.Targets(index_, origin, window_, k_, &targets_);

    CopyRow(window_.window, pool_.window, row);
    CopyRow(window_.patches, pool_.patches, row);
    CopyRow(targets_.candidates, pool_.candidates, row);
    CopyRow(targets_.features, pool_.features, row);
    float* z = &pool_.z[static_cast<size_t>(row) * k_.size()];
    for (size_t i = 0; i < k_.size(); ++i) {
      const double value = index_.raw(origin + k_[i]);
      z[i] = static_cast<float>((value - window_.level) / window_.scale);
    }
    return WeighRow(row);
  }

 private:
  int DrawOrigin(std::mt19937_64& random) const {
    for (int i = 0; i < kOriginTries; ++i) {
      const int origin = Uniform(random, series_.range.first_origin, series_.range.last_origin);
      if (!std::isnan(series_.values[static_cast<size_t>(origin)])) return origin;
    }
    return -1;
  }

  // False for a row without targets.
  bool WeighRow(int row) {
    float reach = 0;
    for (const float candidate : targets_.candidates) reach = std::max(reach, std::abs(candidate));
    bool any = false;
    const float* z = &pool_.z[static_cast<size_t>(row) * k_.size()];
    for (size_t i = 0; i < k_.size(); ++i) {
      if (std::isnan(z[i])) continue;
      any = true;
      reach = std::max(reach, std::abs(z[i]));
    }
    pool_.weight[static_cast<size_t>(row)] = 1 / std::max(1.0F, reach / kReach);
    return any;
  }

  const PoolSeries& series_;
  const SeriesIndex index_;
  FeatureBuilder builder_;
  const int horizon_;
  ExamplePool& pool_;
  WindowFeatures window_;
  TargetFeatures targets_;
  std::vector<int> k_;
};

void MoveRow(std::vector<float>& values, int from, int to, int rows) {
  const auto width = static_cast<ptrdiff_t>(values.size()) / rows;
  std::copy_n(values.begin() + from * width, width, values.begin() + to * width);
}

// Drops the rows that hit nothing.
void Compact(const std::vector<char>& filled, ExamplePool* pool) {
  const int rows = pool->windows;
  const std::array arrays{&pool->window,   &pool->patches, &pool->candidates,
                          &pool->features, &pool->z,       &pool->weight};
  int kept = 0;
  for (int row = 0; row < rows; ++row) {
    if (!filled[static_cast<size_t>(row)]) continue;
    if (kept != row) {
      for (auto* values : arrays) MoveRow(*values, row, kept, rows);
    }
    ++kept;
  }
  for (auto* values : arrays) {
    values->resize(values->size() / static_cast<size_t>(rows) * static_cast<size_t>(kept));
  }
  pool->windows = kept;
}

}  // namespace

void Append(const ExamplePool& from, ExamplePool* to) {
  to->windows += from.windows;
  to->targets = from.targets;
  const auto append = [](const std::vector<float>& tail, std::vector<float>& values) {
    values.insert(values.end(), tail.begin(), tail.end());
  };
  append(from.window, to->window);
  append(from.patches, to->patches);
  append(from.candidates, to->candidates);
  append(from.features, to->features);
  append(from.z, to->z);
  append(from.weight, to->weight);
}

ExamplePool DrawExamples(const ModelSpec& spec, std::span<const PoolSeries> series,
                         const PoolOptions& options, const ParallelFor& parallel_for,
                         const std::function<bool()>& cancelled) {
  ExamplePool pool;
  const std::vector<Draw> draws = DrawSeries(series, options);
  if (draws.empty()) return pool;

  Resize(spec, options, &pool);
  std::vector<char> filled(static_cast<size_t>(options.windows), 0);
  parallel_for(draws.size(), [&](size_t i) {
    if (cancelled()) return;
    SeriesDrawer drawer(spec, series[draws[i].series], &pool);
    for (const int row : draws[i].rows) {
      if (cancelled()) return;
      filled[static_cast<size_t>(row)] =
          drawer.DrawRow(row, Mix(options.seed) + static_cast<uint64_t>(row) + 1);
    }
  });
  if (cancelled()) return ExamplePool();
  Compact(filled, &pool);
  return pool;
}

}  // namespace auspex::model
