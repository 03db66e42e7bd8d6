#include "model/spec/safetensors.h"

#include <cstring>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace auspex::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Bytes of a file, aligned as a memory map is.
class Bytes {
 public:
  explicit Bytes(const std::string& text) : size_(text.size()), words_(text.size() / 8 + 1) {
    std::memcpy(words_.data(), text.data(), text.size());
  }
  std::span<const std::byte> span() const { return std::as_bytes(std::span(words_)).first(size_); }

 private:
  size_t size_;
  std::vector<uint64_t> words_;
};

// A file with this JSON and `floats` zeros after it.
std::string FileOf(std::string json, size_t floats) {
  json.resize((json.size() + 7) / 8 * 8, ' ');
  const uint64_t length = json.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + json + std::string(4 * floats, '\0');
}

TEST(SafetensorsTest, RoundTripsWithoutCopying) {
  const std::vector<float> a = {1, -2, 3.5F, 4, 5, 6};
  const std::vector<float> b = {-7};
  const std::vector<TensorView> tensors = {
      {"m/a", {2, 3}, a}, {"m/b \"\xc3\xa4\"", {}, b}, {"m/none", {0, 4}, {}}};
  const auto text = EncodeSafetensors({{"key", "value\n\"1\""}, {"z", ""}}, tensors);
  ASSERT_TRUE(text.ok()) << text.status();
  const Bytes bytes(*text);
  const auto file = ParseSafetensors(bytes.span());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(file->metadata,
              ElementsAre(testing::Pair("key", "value\n\"1\""), testing::Pair("z", "")));
  ASSERT_EQ(file->tensors.size(), 3U);
  EXPECT_EQ(file->tensors[0].name, "m/a");
  EXPECT_THAT(file->tensors[0].shape, ElementsAre(2, 3));
  EXPECT_THAT(file->tensors[0].values, ElementsAre(1, -2, 3.5F, 4, 5, 6));
  EXPECT_EQ(file->tensors[1].name, tensors[1].name);
  EXPECT_THAT(file->tensors[1].values, ElementsAre(-7));
  const auto* data = reinterpret_cast<const std::byte*>(file->tensors[0].values.data());
  EXPECT_TRUE(data > bytes.span().data() && data < bytes.span().data() + bytes.span().size());
}

TEST(SafetensorsTest, HeaderAlonePrecedesTheData) {
  const std::vector<float> a = {1};
  const std::vector<TensorView> tensors = {{"a", {1}, a}};
  EXPECT_EQ(*SafetensorsHeader({}, tensors) + std::string(reinterpret_cast<const char*>(&a[0]), 4),
            *EncodeSafetensors({}, tensors));
  EXPECT_EQ(SafetensorsHeader({}, tensors)->size() % 8, 0U);
}

TEST(SafetensorsTest, RefusesToWriteWhatCannotBeRead) {
  const std::vector<float> a = {1, 2};
  const auto fails = [](std::vector<TensorView> tensors) {
    return EncodeSafetensors({}, tensors).status().code() == absl::StatusCode::kInvalidArgument;
  };
  EXPECT_TRUE(fails({{"", {2}, a}}));
  EXPECT_TRUE(fails({{"__metadata__", {2}, a}}));
  EXPECT_TRUE(fails({{"a", {3}, a}}));
  EXPECT_TRUE(fails({{"a", {-2}, a}}));
  EXPECT_TRUE(fails({{"a", {2}, a}, {"a", {2}, a}}));
  EXPECT_TRUE(fails({{"\xff", {2}, a}}));
  EXPECT_FALSE(EncodeSafetensors({{"\xff", ""}}, {}).ok());
}

TEST(SafetensorsTest, ReadsOtherWritersFiles) {
  const Bytes bytes(FileOf(
      R"({"b":{"data_offsets":[4,12],"shape":[2],"dtype":"F32"}, "a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})",
      3));
  const auto file = ParseSafetensors(bytes.span());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->tensors[0].name, "a");
  EXPECT_EQ(file->tensors[1].values.size(), 2U);
}

TEST(SafetensorsTest, SaysWhatIsWrong) {
  struct Row {
    std::string json;
    size_t floats;
    const char* message;
  };
  const auto tensor = [](const std::string& body) { return "{\"t\":{" + body + "}}"; };
  for (const Row& row : std::vector<Row>{
           {"[]", 0, "not an object"},
           {"{", 0, "byte"},
           {"{\"t\":1}", 0, "key \"t\": unexpected number"},
           {"{\"t\":[]}", 0, "unexpected list"},
           {tensor(""), 0, "needs dtype, shape and data_offsets"},
           {tensor(R"("dtype":"F32","shape":[1])"), 1, "needs dtype"},
           {tensor(R"("dtype":"F16","shape":[1],"data_offsets":[0,4])"), 1, "type F16"},
           {tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])"), 1, "shape [2]"},
           {tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,8])"), 1, "inside 4 bytes"},
           {tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])"), 2, "do not follow"},
           {tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), 1, "do not follow"},
           {tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4,8])"), 1, "two numbers"},
           {tensor(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"), 1, "negative"},
           {tensor(R"("dtype":"F32","shape":[1.5],"data_offsets":[0,4])"), 1, "not an integer"},
           {tensor(R"("dtype":"F32","shape":[[1]],"data_offsets":[0,4])"), 1, "unexpected list"},
           {tensor(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4])"), 1,
            "too large"},
           {tensor(R"("dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0])"), 0,
            "does not fill"},
           {tensor(R"("dtype":"F32","dtype":"F32","shape":[],"data_offsets":[0,4])"), 1, "twice"},
           {tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), 2, "after the last"},
           {R"({"__metadata__":{"a":1}})", 0, "unexpected number"},
           {R"({"__metadata__":{"a":{}}})", 0, "too deep"},
           {R"({"__metadata__":{},"__metadata__":{}})", 0, "twice"},
           {R"({"t":null})", 0, "unexpected null"},
           {R"({"t":true})", 0, "unexpected boolean"}}) {
    const Bytes bytes(FileOf(row.json, row.floats));
    const absl::Status status = ParseSafetensors(bytes.span()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << row.json;
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.message)) << row.json;
  }
}

TEST(SafetensorsTest, EveryTruncationIsAnError) {
  const std::vector<float> a = {1, 2, 3};
  const std::vector<TensorView> tensors = {{"a", {3}, a}};
  const std::string text = *EncodeSafetensors({{"k", "v"}}, tensors);
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(ParseSafetensors(Bytes(text.substr(0, size)).span()).ok()) << size;
  }
}

TEST(SafetensorsTest, NoChangedByteReadsOutside) {
  const std::vector<float> a = {1, 2, 3};
  const std::vector<TensorView> tensors = {{"a", {3}, a}, {"b", {1, 3}, a}};
  const std::string text = *EncodeSafetensors({{"k", "v"}}, tensors);
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string changed = text;
    for (int i = 0; i <= round % 3; ++i) {
      changed[random() % (text.size() - 24)] = static_cast<char>(random());
    }
    const Bytes bytes(changed);
    const auto file = ParseSafetensors(bytes.span());
    if (!file.ok()) continue;
    for (const TensorView& tensor : file->tensors) {
      const auto values = std::as_bytes(tensor.values);
      EXPECT_GE(values.data(), bytes.span().data());
      EXPECT_LE(values.data() + values.size(), bytes.span().data() + bytes.span().size());
    }
  }
}

TEST(SafetensorsTest, MisalignedDataIsAnError) {
  const Bytes bytes(FileOf("{}", 1));
  EXPECT_THAT(std::string(ParseSafetensors(bytes.span().subspan(1)).status().message()),
              HasSubstr("safetensors"));
  const std::string odd = std::string("\x03\0\0\0\0\0\0\0{} ", 11);
  const Bytes short_header(odd);
  EXPECT_THAT(std::string(ParseSafetensors(short_header.span()).status().message()),
              HasSubstr("aligned"));
}

}  // namespace
}  // namespace auspex::model
