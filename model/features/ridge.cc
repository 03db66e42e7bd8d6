#include "model/features/ridge.h"

#include <algorithm>
#include <cmath>

namespace auspex::model {
namespace {

// Solves a * x = b for a positive definite matrix of which the lower triangle is given; both are
// overwritten, b with x (Cholesky).
void SolveInPlace(size_t n, std::vector<double>* a, std::vector<double>* b) {
  const auto at = [&](size_t i, size_t j) -> double& { return (*a)[i * n + j]; };
  std::vector<double>& x = *b;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double sum = at(i, j);
      for (size_t k = 0; k < j; ++k) sum -= at(i, k) * at(j, k);
      at(i, j) = i == j ? std::sqrt(sum) : sum / at(j, j);
    }
    for (size_t k = 0; k < i; ++k) x[i] -= at(i, k) * x[k];
    x[i] /= at(i, i);
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) x[i] -= at(k, i) * x[k];
    x[i] /= at(i, i);
  }
}

}  // namespace

void RidgeRegression::Reset(size_t inputs) {
  inputs_ = inputs;
  rows_ = 0;
  mean_.assign(inputs, 0);
  mean_y_ = 0;
  products_.assign(inputs * inputs, 0);
  with_output_.assign(inputs, 0);
  yy_ = 0;
}

void RidgeRegression::Add(std::span<const double> x, double y) {
  ++rows_;
  const double share = static_cast<double>(rows_ - 1) / rows_;
  const double dy = y - mean_y_;
  for (size_t i = 0; i < inputs_; ++i) {
    const double di = share * (x[i] - mean_[i]);
    for (size_t j = 0; j <= i; ++j) products_[i * inputs_ + j] += di * (x[j] - mean_[j]);
    with_output_[i] += di * dy;
  }
  yy_ += share * dy * dy;
  for (size_t i = 0; i < inputs_; ++i) mean_[i] += (x[i] - mean_[i]) / rows_;
  mean_y_ += dy / rows_;
}

void RidgeRegression::Standardize(double penalty) {
  // Beside the means, rounding is all that a constant input has.
  constexpr double kConstant = 1e-9;
  scale_.resize(inputs_);
  matrix_.resize(inputs_ * inputs_);
  side_.resize(inputs_);
  for (size_t i = 0; i < inputs_; ++i) {
    const double deviation = std::sqrt(products_[i * inputs_ + i] / rows_);
    scale_[i] = deviation > kConstant * std::abs(mean_[i]) ? 1 / deviation : 0;
    for (size_t j = 0; j <= i; ++j) {
      matrix_[i * inputs_ + j] = products_[i * inputs_ + j] * scale_[i] * scale_[j] / rows_;
    }
    matrix_[i * inputs_ + i] += penalty;
    side_[i] = with_output_[i] * scale_[i] / rows_;
  }
}

double RidgeRegression::Solve(double penalty, std::vector<double>* coefficients, double* offset) {
  Standardize(penalty);
  solution_ = side_;
  SolveInPlace(inputs_, &matrix_, &solution_);
  double rest = yy_ / rows_;
  *offset = mean_y_;
  coefficients->resize(inputs_);
  for (size_t i = 0; i < inputs_; ++i) {
    // The equations say that matrix * solution = side, of which the penalty is no part of y.
    rest -= solution_[i] * (side_[i] + penalty * solution_[i]);
    (*coefficients)[i] = solution_[i] * scale_[i];
    *offset -= (*coefficients)[i] * mean_[i];
  }
  return std::max(rest, 0.0);
}

}  // namespace auspex::model
