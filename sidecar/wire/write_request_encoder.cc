#include "sidecar/wire/write_request_encoder.h"

#include <google/protobuf/arena.h>

#include <cstdint>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "proto/prometheus/remote_write_v1.pb.h"
#include "proto/prometheus/remote_write_v2.pb.h"
#include "sidecar/wire/label_message.h"
#include "sidecar/wire/snappy_block.h"

namespace auspex {
namespace {

namespace v1 = prometheus;
namespace v2 = io::prometheus::write::v2;

// The symbol table of one request. Texts must outlive it.
class SymbolTable {
 public:
  explicit SymbolTable(v2::Request* request) : request_(request) { Ref(""); }

  uint32_t Ref(std::string_view text) {
    const auto next = static_cast<uint32_t>(request_->symbols_size());
    const auto [it, is_new] = refs_.try_emplace(text, next);
    if (is_new) request_->add_symbols(text.data(), text.size());
    return it->second;
  }

 private:
  v2::Request* const request_;
  absl::flat_hash_map<std::string_view, uint32_t> refs_;
};

std::string EncodeV1(std::span<const LabeledSample> samples) {
  google::protobuf::Arena arena;
  auto* request = google::protobuf::Arena::CreateMessage<v1::WriteRequest>(&arena);
  for (const LabeledSample& labeled : samples) {
    v1::TimeSeries* series = request->add_timeseries();
    EncodeLabels(labeled.labels, series->mutable_labels());
    v1::Sample* sample = series->add_samples();
    sample->set_value(labeled.sample.value);
    sample->set_timestamp(labeled.sample.timestamp_ms);
  }
  return request->SerializeAsString();
}

std::string EncodeV2(std::span<const LabeledSample> samples) {
  google::protobuf::Arena arena;
  auto* request = google::protobuf::Arena::CreateMessage<v2::Request>(&arena);
  SymbolTable symbols(request);
  for (const LabeledSample& labeled : samples) {
    v2::TimeSeries* series = request->add_timeseries();
    for (const auto& [name, value] : labeled.labels.labels()) {
      series->add_labels_refs(symbols.Ref(name));
      series->add_labels_refs(symbols.Ref(value));
    }
    v2::Sample* sample = series->add_samples();
    sample->set_value(labeled.sample.value);
    sample->set_timestamp(labeled.sample.timestamp_ms);
  }
  return request->SerializeAsString();
}

}  // namespace

std::string EncodeWriteRequest(WriteProtocol protocol, std::span<const LabeledSample> samples) {
  return SnappyCompress(protocol == WriteProtocol::kV1 ? EncodeV1(samples) : EncodeV2(samples));
}

}  // namespace auspex
