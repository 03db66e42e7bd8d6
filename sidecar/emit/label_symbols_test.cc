#include "sidecar/emit/label_symbols.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace auspex {
namespace {

TEST(LabelSymbols, GivesBackWhatItTook) {
  LabelSymbols symbols;
  std::vector<LabelSet> sets = {LabelSet()};
  for (int user = 0; user < 300; ++user) {
    for (const char* quantile : {"0.1", "0.5"}) {
      sets.push_back({{"__name__", "used_bytes_forecast"},
                      {"quantile", quantile},
                      {"user", "a_user_with_a_long_name_" + std::to_string(user)}});
    }
  }
  std::vector<SeriesSymbols> encoded;
  for (const LabelSet& labels : sets) encoded.push_back(symbols.Encode(labels));
  EXPECT_EQ(symbols.size(), 303U) << "a label that many share is kept once";
  EXPECT_NE(encoded[1], encoded[2]);
  for (size_t i = 0; i < sets.size(); ++i) {
    EXPECT_EQ(symbols.Decode(encoded[i]), sets[i]);
    EXPECT_EQ(symbols.Encode(sets[i]), encoded[i]);
  }
}

TEST(LabelSymbols, SeriesShareWhatTheyHaveInCommon) {
  LabelSymbols symbols;
  const auto encode = [&](const char* user, const char* horizon) {
    return symbols.Encode({{"__name__", "x_forecast"}, {"horizon", horizon}, {"user", user}});
  };
  EXPECT_EQ(encode("ann", "1h").aggregate, encode("ann", "6h").aggregate);
  EXPECT_NE(encode("ann", "1h").output, encode("ann", "6h").output);
  EXPECT_EQ(encode("ann", "1h").output, encode("bob", "1h").output);
  EXPECT_NE(encode("ann", "1h").aggregate, encode("bob", "1h").aggregate);
}

TEST(LabelSymbols, TakesNameAndValueApart) {
  LabelSymbols symbols;
  EXPECT_NE(symbols.Encode({{"ab", "c"}}), symbols.Encode({{"a", "bc"}}));
}

}  // namespace
}  // namespace auspex
