#include "sidecar/wire/histogram_check.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "proto/prometheus/remote_write_v1.pb.h"

namespace auspex {
namespace {

using prometheus::Histogram;

// Spans of 2 and 1 buckets holding 3, 1, 4 and a zero bucket of 2.
Histogram Integers() {
  Histogram h;
  h.set_count_int(10);
  h.set_zero_count_int(2);
  h.set_sum(18.5);
  auto* span = h.add_positive_spans();
  span->set_offset(-3);
  span->set_length(2);
  span = h.add_positive_spans();
  span->set_offset(1);
  span->set_length(1);
  for (const int delta : {3, -2, 3}) h.add_positive_deltas(delta);
  return h;
}

Histogram Floats() {
  Histogram h = Integers();
  h.clear_positive_deltas();
  h.set_count_float(10.5);
  h.set_zero_count_float(0.5);
  for (const double count : {3.0, 1.0, 4.0}) h.add_positive_counts(count);
  return h;
}

TEST(HistogramCheck, SaysWhatIsWrong) {
  const struct {
    std::string_view problem;
    Histogram histogram;
    std::function<void(Histogram&)> change;
  } kRows[] = {
      {"", Integers(), [](Histogram&) {}},
      {"", Floats(), [](Histogram&) {}},
      {"", Histogram(), [](Histogram&) {}},
      {"the buckets hold more observations than the count", Integers(),
       [](Histogram& h) { h.set_count_int(9); }},
      {"the buckets hold fewer observations than the count", Integers(),
       [](Histogram& h) { h.set_count_int(11); }},
      {"", Integers(),
       [](Histogram& h) {
         h.set_count_int(11);
         h.set_sum(std::numeric_limits<double>::quiet_NaN());
       }},
      {"the buckets hold more observations than the count", Integers(),
       [](Histogram& h) { h.set_zero_count_int(3); }},
      {"spans and buckets differ in number", Integers(),
       [](Histogram& h) { h.add_positive_deltas(0); }},
      {"spans and buckets differ in number", Integers(),
       [](Histogram& h) { h.add_negative_spans()->set_length(1); }},
      {"spans and buckets differ in number", Floats(),
       [](Histogram& h) { h.add_negative_counts(1); }},
      {"a bucket count is negative", Integers(),
       [](Histogram& h) { h.set_positive_deltas(1, -4); }},
      {"a bucket count is negative", Floats(), [](Histogram& h) { h.set_positive_counts(0, -1); }},
      {"a span has a negative offset", Integers(),
       [](Histogram& h) { h.mutable_positive_spans(1)->set_offset(-1); }},
      {"bucket counts overflow", Integers(),
       [](Histogram& h) { h.set_positive_deltas(0, std::numeric_limits<int64_t>::max()); }},
      {"bucket counts overflow", Integers(),
       [](Histogram& h) { h.set_zero_count_int(std::numeric_limits<uint64_t>::max()); }},
      {"", Floats(), [](Histogram& h) { h.set_count_float(1); }},
  };
  for (size_t i = 0; i < std::size(kRows); ++i) {
    Histogram h = kRows[i].histogram;
    kRows[i].change(h);
    const std::string bytes = h.SerializeAsString();
    WireContext context(bytes);
    EXPECT_EQ(CheckHistogram(WireReader(bytes, &context)), kRows[i].problem) << "row " << i;
    EXPECT_TRUE(context.status.ok()) << context.status;
  }
}

}  // namespace
}  // namespace auspex
