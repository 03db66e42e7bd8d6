// The least value of a function of a few variables.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

namespace auspex::model {

// The simplex search of Nelder and Mead (1965), with their coefficients: from a simplex of `start`
// and `start` + `step` along each axis, for `iterations` moves. Deterministic. `function` takes a
// point and returns a double; where it cannot be evaluated, infinity. Returns the best point seen.
template <size_t N, typename Function>
std::array<double, N> Minimize(const Function& function, const std::array<double, N>& start,
                               double step, int iterations) {
  struct Vertex {
    std::array<double, N> point;
    double value;
  };
  const auto evaluate = [&](const std::array<double, N>& point) {
    return Vertex{point, function(point)};
  };
  std::array<Vertex, N + 1> simplex;
  simplex[0] = evaluate(start);
  for (size_t i = 0; i < N; ++i) {
    std::array<double, N> point = start;
    point[i] += step;
    simplex[i + 1] = evaluate(point);
  }
  const auto sort = [&] {
    std::sort(simplex.begin(), simplex.end(),
              [](const Vertex& a, const Vertex& b) { return a.value < b.value; });
  };
  for (int iteration = 0; iteration < iterations; ++iteration) {
    sort();
    Vertex& worst = simplex[N];
    std::array<double, N> centre = {};
    for (size_t v = 0; v < N; ++v) {
      for (size_t i = 0; i < N; ++i) centre[i] += simplex[v].point[i] / N;
    }
    // The point on the line from the worst through the centre; 1 = its mirror image.
    const auto along = [&](double factor) {
      std::array<double, N> point;
      for (size_t i = 0; i < N; ++i) point[i] = centre[i] + factor * (centre[i] - worst.point[i]);
      return evaluate(point);
    };
    const Vertex reflected = along(1);
    if (reflected.value < simplex[0].value) {
      const Vertex expanded = along(2);
      worst = expanded.value < reflected.value ? expanded : reflected;
    } else if (reflected.value < simplex[N - 1].value) {
      worst = reflected;
    } else {
      const Vertex contracted = along(reflected.value < worst.value ? 0.5 : -0.5);
      if (contracted.value < std::min(worst.value, reflected.value)) {
        worst = contracted;
        continue;
      }
      for (size_t v = 1; v <= N; ++v) {
        for (size_t i = 0; i < N; ++i) {
          simplex[v].point[i] = 0.5 * (simplex[v].point[i] + simplex[0].point[i]);
        }
        simplex[v] = evaluate(simplex[v].point);
      }
    }
  }
  sort();
  return simplex[0].point;
}

}  // namespace auspex::model
