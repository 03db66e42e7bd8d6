#include "sidecar/upstream/query_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace auspex {
namespace {

using ::testing::HasSubstr;

TEST(QueryJsonTest, DecodesAMatrix) {
  const auto series = DecodeQueryAnswer(R"({"status":"success","data":{"resultType":"matrix",
      "result":[{"metric":{"__name__":"x","user":"a\"b"},"values":[[1700000000.123,"1.5"],
      [1700000060,"NaN"],[1700000120,"+Inf"],[1700000180,"-Inf"],[1700000240,"1e-7"]]},
      {"metric":{},"values":[]}]},"warnings":["w"]})");
  ASSERT_TRUE(series.ok()) << series.status();
  ASSERT_EQ(series->size(), 2u);
  const QuerySeries& first = (*series)[0];
  EXPECT_EQ(first.labels, LabelSet({{"user", "a\"b"}}));
  ASSERT_EQ(first.samples.size(), 5u);
  EXPECT_EQ(first.samples[0].timestamp_ms, 1700000000123);
  EXPECT_EQ(first.samples[0].value, 1.5);
  EXPECT_TRUE(IsMissing(first.samples[1].value));
  EXPECT_EQ(first.samples[2].value, std::numeric_limits<double>::infinity());
  EXPECT_EQ(first.samples[3].value, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(first.samples[4].value, 1e-7);
  EXPECT_TRUE((*series)[1].labels.empty());
}

TEST(QueryJsonTest, DecodesVectorsAndScalars) {
  const auto vector = DecodeQueryAnswer(R"({"status":"success","data":{"resultType":"vector",
      "result":[{"metric":{"a":"b"},"value":[1.5,"2"]}]}})");
  ASSERT_TRUE(vector.ok()) << vector.status();
  EXPECT_EQ((*vector)[0].samples.at(0).timestamp_ms, 1500);
  const auto scalar = DecodeQueryAnswer(
      R"({"status":"success","data":{"resultType":"scalar","result":[1.5,"2"]}})");
  ASSERT_TRUE(scalar.ok()) << scalar.status();
  EXPECT_EQ((*scalar)[0].samples.at(0).value, 2);
}

TEST(QueryJsonTest, RefusesWhatIsNoAnswer) {
  struct Case {
    const char* body;
    const char* want;
  };
  for (const Case& c : std::vector<Case>{
           {"", "not an answer"},
           {"<html>", "not an answer"},
           {"[]", "not an answer"},
           {"{}", "not an answer"},
           {R"({"status":"success"})", "not an answer"},
           {R"({"status":"error","error":"bad things"})", "bad things"},
           {R"({"status":"success","data":{"resultType":"string","result":[1,"x"]}})", "a string"},
           {R"({"status":"success","data":{"resultType":"scalar","result":[1,"x"]}})",
            "\"x\" is not a number"},
           {R"({"status":"success","data":{"resultType":"scalar","result":["1","2"]}})",
            "not an answer"},
           {R"({"status":"success","data":{"resultType":"vector","result":[
                {"metric":{"__name__":"a","x":"y"},"value":[1,"2"]},
                {"metric":{"__name__":"b","x":"y"},"value":[1,"2"]}]}})",
            "metric name alone"},
       }) {
    const auto answer = DecodeQueryAnswer(c.body);
    ASSERT_FALSE(answer.ok()) << c.body;
    EXPECT_THAT(std::string(answer.status().message()), HasSubstr(c.want)) << c.body;
  }
}

TEST(QueryJsonTest, DecodesStringsAndErrors) {
  const auto flags =
      DecodeStringsAnswer(R"({"status":"success","data":{"storage.path":"data","n":1,"o":{}}})");
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(*flags, (std::map<std::string, std::string>{{"storage.path", "data"}}));
  EXPECT_EQ(DecodeErrorAnswer(R"({"status":"error","error":"parse error"})"), "parse error");
  for (const char* other : {"", "plain text", "[]", R"({"error":1})"}) {
    EXPECT_EQ(DecodeErrorAnswer(other), "") << other;
  }
}

}  // namespace
}  // namespace auspex
