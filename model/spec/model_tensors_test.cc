#include "model/spec/model_tensors.h"

#include <algorithm>
#include <cstring>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace auspex::model {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

ModelSpec SmallSpec() { return {.hidden = 3, .decoder_width = 4}; }

// Weights 0, 1, 2, ... plus `start`.
Weights Counting(const ModelSpec& spec, float start) {
  std::vector<float> values(static_cast<size_t>(ParameterCount(spec)));
  for (float& value : values) value = start++;
  return Weights::FromVector(std::move(values));
}

// FindModels of a file that holds `tensors`; `owner` gets the file's bytes.
absl::StatusOr<std::map<std::string, Weights>> WriteAndFind(
    const std::vector<TensorView>& tensors, std::shared_ptr<std::vector<float>>* owner) {
  const std::string text = *EncodeSafetensors({}, tensors);
  *owner = std::make_shared<std::vector<float>>(text.size() / sizeof(float));
  std::memcpy((*owner)->data(), text.data(), text.size());
  const auto file = ParseSafetensors(std::as_bytes(std::span(**owner)));
  if (!file.ok()) return file.status();
  return FindModels(SmallSpec(), *file, *owner);
}

// The views of AppendModel need their weights alive, so the fixture keeps them.
class ModelTensorsTest : public ::testing::Test {
 protected:
  const ModelSpec spec_ = SmallSpec();
  const Weights base_ = Counting(spec_, 0);
  const Weights own_ = Counting(spec_, 1000);
  std::vector<TensorView> tensors_;
  std::shared_ptr<std::vector<float>> owner_;

  void SetUp() override {
    ASSERT_TRUE(AppendModel(spec_, "base", base_, &tensors_).ok());
    ASSERT_TRUE(AppendModel(spec_, "a/7", own_, &tensors_).ok());
  }
};

TEST_F(ModelTensorsTest, FindsModelsInPlace) {
  const auto models = WriteAndFind(tensors_, &owner_);
  ASSERT_TRUE(models.ok()) << models.status();
  ASSERT_EQ(models->size(), 2U);
  EXPECT_THAT(models->at("base").values(), ElementsAreArray(base_.values()));
  EXPECT_THAT(models->at("a/7").values(), ElementsAreArray(own_.values()));
  EXPECT_GE(models->at("a/7").values().data(), owner_->data());
  EXPECT_LT(models->at("a/7").values().data(), owner_->data() + owner_->size());
  EXPECT_EQ(owner_.use_count(), 3);
}

TEST_F(ModelTensorsTest, CopiesModelsThatAreSortedOtherwise) {
  std::reverse(tensors_.begin(), tensors_.end());
  const auto models = WriteAndFind(tensors_, &owner_);
  ASSERT_TRUE(models.ok()) << models.status();
  EXPECT_THAT(models->at("base").values(), ElementsAreArray(base_.values()));
  EXPECT_EQ(owner_.use_count(), 1);
}

TEST_F(ModelTensorsTest, NamesWhatIsWrong) {
  std::vector<TensorView> missing = tensors_;
  missing.erase(missing.begin() + 2);
  EXPECT_THAT(std::string(WriteAndFind(missing, &owner_).status().message()),
              HasSubstr("model \"base\": tensor encoder.bias_ih_l0 is missing"));
  std::vector<TensorView> unknown = tensors_;
  unknown[0].name = "base/encoder.weight";
  EXPECT_THAT(std::string(WriteAndFind(unknown, &owner_).status().message()),
              HasSubstr("encoder.weight is not one of the spec's"));
  std::vector<TensorView> misshapen = tensors_;
  std::swap(misshapen[0].shape[0], misshapen[0].shape[1]);
  EXPECT_THAT(std::string(WriteAndFind(misshapen, &owner_).status().message()), HasSubstr("shape"));
}

TEST_F(ModelTensorsTest, RefusesWeightsOfAnotherSpec) {
  EXPECT_FALSE(AppendModel({.hidden = 4, .decoder_width = 4}, "x", base_, &tensors_).ok());
}

}  // namespace
}  // namespace auspex::model
