#include "sidecar/wire/histogram_check.h"

namespace auspex {
namespace {

// One side, negative or positive, of a histogram.
struct Buckets {
  uint64_t spans = 0;
  uint64_t expected = 0;  // by the spans
  uint64_t integer_buckets = 0;
  uint64_t float_buckets = 0;
  int64_t last = 0;  // each delta is to the bucket before
  int64_t total = 0;
  bool negative_gap = false;
  bool negative_bucket = false;
  bool overflow = false;

  void AddSpan(WireReader reader) {
    int32_t offset = 0;
    uint32_t length = 0;
    while (reader.Next()) {
      switch (reader.field()) {
        case 1:
          offset = static_cast<int32_t>(ZigZagDecode(static_cast<uint32_t>(reader.Varint())));
          break;
        case 2:
          length = static_cast<uint32_t>(reader.Varint());
          break;
        default:
          reader.Skip();
      }
    }
    // Only the first span may begin below zero: its offset is a position, the others are gaps.
    negative_gap |= spans > 0 && offset < 0;
    expected += length;
    ++spans;
  }

  void AddDelta(int64_t delta) {
    overflow |= __builtin_add_overflow(last, delta, &last);
    overflow |= __builtin_add_overflow(total, last, &total);
    negative_bucket |= last < 0;
    ++integer_buckets;
  }

  void AddCount(double count) {
    negative_bucket |= count < 0;
    ++float_buckets;
  }

  std::string_view Problem(bool is_float) const {
    if (negative_gap) return "a span has a negative offset";
    if (expected != (is_float ? float_buckets : integer_buckets)) {
      return "spans and buckets differ in number";
    }
    if (overflow) return "bucket counts overflow";
    if (negative_bucket) return "a bucket count is negative";
    return "";
  }
};

struct Histogram {
  bool is_float = false;
  uint64_t count = 0;
  uint64_t zero_count = 0;
  double sum = 0;
  Buckets negative;
  Buckets positive;

  std::string_view Problem() const {
    for (const Buckets* side : {&negative, &positive}) {
      if (const std::string_view problem = side->Problem(is_float); !problem.empty()) {
        return problem;
      }
    }
    if (is_float) return "";
    uint64_t observed = zero_count;
    if (__builtin_add_overflow(observed, static_cast<uint64_t>(negative.total), &observed) ||
        __builtin_add_overflow(observed, static_cast<uint64_t>(positive.total), &observed)) {
      return "bucket counts overflow";
    }
    if (observed > count) return "the buckets hold more observations than the count";
    // NaN observations are in the count, and in no bucket; they make the sum NaN.
    const bool has_nan = sum != sum;
    if (observed < count && !has_nan) {
      return "the buckets hold fewer observations than the count";
    }
    return "";
  }
};

}  // namespace

std::string_view CheckHistogram(WireReader reader) {
  Histogram h;
  const auto add_delta = [](Buckets& side) {
    return [&side](uint64_t n) { side.AddDelta(ZigZagDecode(n)); };
  };
  const auto add_count = [](Buckets& side) {
    return [&side](double count) { side.AddCount(count); };
  };
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        h.count = reader.Varint();
        h.is_float = false;
        break;
      case 2:
        reader.Double();
        h.is_float = true;
        break;
      case 3:
        h.sum = reader.Double();
        break;
      case 5:  // zero threshold
        reader.Double();
        break;
      case 6:
        h.zero_count = reader.Varint();
        break;
      case 7:  // zero count of a float histogram; it takes the place of field 6
        reader.Double();
        h.zero_count = 0;
        break;
      case 8:
        h.negative.AddSpan(reader.Message());
        break;
      case 9:
        reader.ForEachVarint(add_delta(h.negative));
        break;
      case 10:
        reader.ForEachDouble(add_count(h.negative));
        break;
      case 11:
        h.positive.AddSpan(reader.Message());
        break;
      case 12:
        reader.ForEachVarint(add_delta(h.positive));
        break;
      case 13:
        reader.ForEachDouble(add_count(h.positive));
        break;
      case 4:   // schema
      case 14:  // reset hint
      case 15:  // timestamp
        reader.Varint();
        break;
      case 16:  // bounds of custom buckets
        reader.ForEachDouble([](double) {});
        break;
      default:
        reader.Skip();
    }
  }
  return h.Problem();
}

}  // namespace auspex
