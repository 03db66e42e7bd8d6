#include "model/spec/model_spec.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/spec/spec_json.h"

namespace auspex::model {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ModelSpecTest, SeasonAndPatchesFollowTheStep) {
  struct Row {
    int64_t step_s;
    int context;
    int season, patches, inputs;
  };
  for (const Row& row :
       {Row{300, 4032, 288, 14, 32}, Row{60, 4032, 1440, 3, 32}, Row{3600, 336, 24, 14, 29},
        Row{3600, 1000, 24, 14, 29}, Row{3600, 25, 24, 2, 29}, Row{21600, 56, 4, 14, 9},
        Row{43200, 3, 2, 2, 7}, Row{86400, 100, 24, 5, 29}, Row{50000, 100, 24, 5, 29},
        Row{420, 4, 206, 1, 32}}) {
    const ModelSpec spec{.step_ms = row.step_s * 1000, .context_steps = row.context};
    EXPECT_TRUE(spec.Validate().ok());
    EXPECT_EQ(spec.season_steps(), row.season) << row.step_s;
    EXPECT_EQ(spec.patches(), row.patches) << row.step_s;
    EXPECT_EQ(spec.patch_inputs(), row.inputs) << row.step_s;
  }
}

TEST(ModelSpecTest, OutputsFollowTheQuantiles) {
  EXPECT_EQ(ModelSpec{}.decoder_outputs(), 26);
  const ModelSpec spec{.quantiles = {0.01, 0.1, 0.5, 0.9, 0.99}};
  EXPECT_EQ(spec.decoder_outputs(), 28);
  EXPECT_EQ(spec.median_index(), 2);
}

TEST(ModelSpecTest, CovariatesAndSpecialDaysAddInputs) {
  const ModelSpec plain;
  EXPECT_EQ(plain.window_inputs(), 16 + 47);
  EXPECT_EQ(plain.target_inputs(), 29);
  const ModelSpec spec{.covariates = {"a", "b"}, .special_days = {19'000}};
  EXPECT_EQ(spec.window_inputs(), 16 + 47 + 2 * 5 + 1);
  EXPECT_EQ(spec.target_inputs(), 29 + 4);
}

TEST(ModelSpecTest, NetworksDoNotDependOnOffsetAndDates) {
  ModelSpec spec{.covariates = {"a"}, .special_days = {19'000}};
  ModelSpec other = spec;
  other.utc_offset_minutes = 60;
  other.special_days = {19'000, 19'365};
  EXPECT_EQ(NetworkSpec(spec), NetworkSpec(other));
  other.special_days.clear();
  EXPECT_NE(NetworkSpec(spec), NetworkSpec(other));
  other = spec;
  other.covariates = {"b"};
  EXPECT_NE(NetworkSpec(spec), NetworkSpec(other));
}

TEST(ModelSpecTest, HeadsDivideTheHiddenUnits) {
  for (const auto& [hidden, heads] :
       {std::pair{1, 1}, {2, 2}, {4, 4}, {13, 1}, {16, 4}, {30, 2}, {512, 4}}) {
    EXPECT_EQ((ModelSpec{.hidden = hidden}.heads()), heads) << hidden;
  }
}

TEST(ModelSpecTest, ValidateNamesTheField) {
  struct Row {
    ModelSpec spec;
    const char* field;
  };
  for (const Row& row :
       {Row{{.hidden = 0}, "hidden is 0, must be 1..512"}, Row{{.layers = 5}, "layers"},
        Row{{.decoder_width = 3}, "decoder_width"}, Row{{.step_ms = 999}, "step_ms"},
        Row{{.horizon_steps = 0}, "horizon_steps"}, Row{{.context_steps = 1}, "context_steps"},
        Row{{.utc_offset_minutes = 1440}, "utc_offset_minutes"},
        Row{{.quantiles = {}}, "0 quantile levels"},
        Row{{.quantiles = {0.5, 0.5}}, "quantile level 0.5 after 0.5"},
        Row{{.quantiles = {0.5, 1.0}}, "quantile level 1"},
        Row{{.quantiles = {0.1, 0.9}}, "must hold 0.5"},
        Row{{.covariates = std::vector<std::string>(9)}, "covariates is 9, must be 0..8"},
        Row{{.special_days = {3, 2}}, "special_days"},
        Row{{.special_days = {2, 2}}, "special_days"},
        Row{{.special_days = std::vector<int>(1001, 1)}, "1001, must be 0..1000"},
        Row{{.features_version = 0}, "features_version is 0"},
        Row{{.features_version = kFeaturesVersion + 1}, "features_version is"}}) {
    const absl::Status status = row.spec.Validate();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.field));
  }
}

TEST(CellTest, NamesRoundTrip) {
  for (Cell cell : {Cell::kLstm, Cell::kGru, Cell::kTransformer, Cell::kNone}) {
    EXPECT_EQ(*ParseCell(CellName(cell)), cell);
  }
  EXPECT_FALSE(ParseCell("gpt").ok());
  EXPECT_FALSE(ParseCell("").ok());
}

TEST(SpecJsonTest, RoundTrips) {
  const ModelSpec spec{.cell = Cell::kNone,
                       .hidden = 7,
                       .layers = 2,
                       .decoder_width = 9,
                       .step_ms = 61'000,
                       .horizon_steps = 5,
                       .context_steps = 77,
                       .utc_offset_minutes = -90,
                       .quantiles = {0.05, 0.5, 1.0 / 3 + 0.5}};
  EXPECT_EQ(*SpecFromJson(SpecToJson(spec)), spec);
}

TEST(SpecJsonTest, CovariatesAndSpecialDaysStandInItOnlyWhereThereAreSome) {
  const std::string plain = SpecToJson(ModelSpec());
  EXPECT_THAT(plain, Not(HasSubstr("covariates")));
  EXPECT_THAT(plain, Not(HasSubstr("special_days")));
  const ModelSpec spec{.covariates = {"rate(a[5m])", "\"b\""}, .special_days = {-1, 20'000}};
  EXPECT_EQ(*SpecFromJson(SpecToJson(spec)), spec);
}

// Written before features had versions.
TEST(SpecJsonTest, TheFirstVersionOfFeaturesHasNoName) {
  const ModelSpec first{.features_version = 1};
  EXPECT_THAT(SpecToJson(first), Not(HasSubstr("features_version")));
  EXPECT_EQ(*SpecFromJson(SpecToJson(first)), first);
  EXPECT_THAT(SpecToJson(ModelSpec()), HasSubstr("features_version"));
}

TEST(SpecJsonTest, RefusesWhatIsNotASpec) {
  const std::string good = SpecToJson(ModelSpec{});
  ASSERT_TRUE(SpecFromJson(good).ok());
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos);
    return text.replace(at, from.size(), to);
  };
  for (const std::string& bad :
       {std::string(), std::string("[]"), std::string("{}"), good.substr(1),
        replaced("\"hidden\":16", "\"hidden\":1.5"), replaced("\"hidden\":16", "\"hidden\":\"16\""),
        replaced("\"hidden\":16", "\"hidden\":4294967312"), replaced("\"hidden\":16", "\"hid\":16"),
        replaced("\"hidden\":16", "\"hidden\":0"), replaced("lstm", "gpt"),
        replaced("\"hidden\":16", "\"extra\":1,\"hidden\":16")}) {
    EXPECT_FALSE(SpecFromJson(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace auspex::model
