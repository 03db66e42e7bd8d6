// Linear regression on few inputs that may say the same.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace auspex::model {

// Least squares with a penalty on the squares of the coefficients (Hoerl and Kennard 1970), of
// inputs that are brought to mean 0 and deviation 1 first, so that units do not matter.
class RidgeRegression {
 public:
  // Begins again, in the same memory.
  void Reset(size_t inputs);

  // REQUIRES: as many inputs as Reset was told.
  void Add(std::span<const double> x, double y);
  int rows() const { return rows_; }

  // y = offset + coefficients * x, in the units of x and y; an input that never changed counts for
  // nothing. `penalty` > 0 is in units of the inputs' variance. Returns the mean square
  // of what is left of y. REQUIRES: rows() > 0.
  double Solve(double penalty, std::vector<double>* coefficients, double* offset);

 private:
  void Standardize(double penalty);

  size_t inputs_ = 0;
  int rows_ = 0;
  // Means, and sums of squares and products about them (Welford 1962).
  std::vector<double> mean_;
  double mean_y_ = 0;
  std::vector<double> products_;  // [inputs][inputs], the lower triangle
  std::vector<double> with_output_;
  double yy_ = 0;
  // Of Solve: one over each input's deviation, the equations' two sides, and their solution.
  std::vector<double> scale_;
  std::vector<double> matrix_;
  std::vector<double> side_;
  std::vector<double> solution_;
};

}  // namespace auspex::model
