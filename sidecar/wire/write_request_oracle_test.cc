// The decoder against the generated classes, on random messages and on random damage to them.
#include "sidecar/wire/write_request_oracle.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "proto/prometheus/remote_write_v1.pb.h"
#include "proto/prometheus/remote_write_v2.pb.h"
#include "sidecar/wire/write_request_decoder.h"

namespace auspex {
namespace {

using Random = std::mt19937_64;

std::string RandomText(Random& random) {
  std::string text(random() % 6, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

template <typename Sample>
void FillSample(Random& random, Sample* sample) {
  if (random() % 4 != 0) sample->set_value(std::bit_cast<double>(random()));
  const bool usual = random() % 4 != 0;  // a time that a scan knows: one of today
  sample->set_timestamp(usual ? 1'700'000'000'000 + static_cast<int64_t>(random() % 1'000'000)
                              : static_cast<int64_t>(random()) >> (random() % 64));
}

void FillHistogram(Random& random, prometheus::Histogram* h) {
  h->set_count_int(random() % 5);
  h->set_schema(static_cast<int>(random()));
  h->add_positive_spans()->set_offset(static_cast<int>(random()));
  for (size_t i = 0; i < random() % 4; ++i) {
    h->add_positive_deltas(static_cast<int64_t>(random()));
    h->add_negative_counts(std::bit_cast<double>(random()));
    h->add_custom_values(1);
  }
}

std::string RandomV1(Random& random) {
  prometheus::WriteRequest request;
  for (size_t i = 0; i < random() % 4; ++i) {
    prometheus::TimeSeries* series = request.add_timeseries();
    for (size_t k = 0; k < random() % 4; ++k) {
      prometheus::Label* label = series->add_labels();
      label->set_name(RandomText(random));
      label->set_value(RandomText(random));
    }
    for (size_t k = 0; k < random() % 3; ++k) FillSample(random, series->add_samples());
    for (size_t k = 0; k < random() % 2; ++k) {
      series->add_exemplars()->add_labels()->set_name(RandomText(random));
    }
    for (size_t k = 0; k < random() % 2; ++k) FillHistogram(random, series->add_histograms());
  }
  if (random() % 4 == 0) request.add_metadata()->set_help(RandomText(random));
  return request.SerializeAsString();
}

std::string RandomV2(Random& random) {
  io::prometheus::write::v2::Request request;
  for (size_t i = 0; i < random() % 8; ++i) request.add_symbols(RandomText(random));
  for (size_t i = 0; i < random() % 4; ++i) {
    auto* series = request.add_timeseries();
    for (size_t k = 0; k < random() % 6; ++k) {
      series->add_labels_refs(static_cast<uint32_t>(random() % 8));
    }
    for (size_t k = 0; k < random() % 3; ++k) {
      FillSample(random, series->add_samples());
      series->mutable_samples(0)->set_start_timestamp(1);
    }
    if (random() % 2 == 0) series->add_exemplars()->add_labels_refs(1);
    if (random() % 2 == 0) FillHistogram(random, series->add_histograms());
    if (random() % 2 == 0) series->mutable_metadata()->set_help_ref(1);
    if (random() % 2 == 0) series->set_created_timestamp(1);
  }
  return request.SerializeAsString();
}

void Damage(Random& random, std::string* body) {
  for (size_t i = 0; i < 1 + random() % 3 && !body->empty(); ++i) {
    const size_t at = random() % body->size();
    switch (random() % 4) {
      case 0:
        (*body)[at] = static_cast<char>(random());
        break;
      case 1:
        (*body)[at] = static_cast<char>((*body)[at] ^ (1 << (random() % 8)));
        break;
      case 2:
        body->erase(at, 1);
        break;
      default:
        body->insert(at, 1, static_cast<char>(random()));
    }
  }
}

class WriteRequestDifferential : public testing::TestWithParam<WriteProtocol> {};

TEST_P(WriteRequestDifferential, AgreesOnRandomAndDamagedMessages) {
  Random random(7);
  int refused = 0;
  WriteRequestDecoder decoder;
  for (int round = 0; round < 20'000; ++round) {
    std::string body = GetParam() == WriteProtocol::kV1 ? RandomV1(random) : RandomV2(random);
    if (round % 2 == 1) Damage(random, &body);
    ASSERT_EQ(CompareWithGenerated(GetParam(), body), "")
        << "round " << round << ": " << testing::PrintToString(body);
    refused += decoder.Decode(GetParam(), body, [](const DecodedSeries&) {}).ok() ? 0 : 1;
  }
  // The damage must hit often enough for the comparison to mean something, and not always.
  EXPECT_GT(refused, 2000);
  EXPECT_LT(refused, 10'000);
}

INSTANTIATE_TEST_SUITE_P(Both, WriteRequestDifferential,
                         testing::Values(WriteProtocol::kV1, WriteProtocol::kV2),
                         [](const auto& instance) {
                           return instance.param == WriteProtocol::kV1 ? "V1" : "V2";
                         });

}  // namespace
}  // namespace auspex
