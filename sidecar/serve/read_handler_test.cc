// POST /api/v1/read as Prometheus sees it.
#include "sidecar/serve/read_handler.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <prometheus/registry.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "sidecar/net/http_client.h"
#include "sidecar/net/http_server.h"
#include "sidecar/wire/read_codec.h"
#include "sidecar/wire/snappy_block.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

// 2026-03-02 00:00 UTC.
constexpr TimestampMs kOrigin = 1'772'409'600'000;
constexpr DurationMs kStep = 5 * kMinute;
constexpr int kHorizonSteps = 288;
constexpr TimestampMs kFirstTime = std::numeric_limits<TimestampMs>::min();
constexpr TimestampMs kLastTime = std::numeric_limits<TimestampMs>::max();
constexpr AggregateId kAnn{1};
constexpr AggregateId kBob{2};

constexpr char kEverything[] = "storage_used_bytes_forecast{forecast=\"curve\"}";

ActiveRule StorageRule() {
  Rule rule;
  rule.name = "storage";
  rule.base_name = "storage_used_bytes";
  rule.values.step_ms = kStep;
  rule.interval_ms = kStep;
  rule.leads_ms = {kHour, 6 * kHour};
  return {rule, OutputNames(rule.base_name), RuleId{1}, std::nullopt};
}

// Median k at target k, the outer quantiles 1 to either side.
Forecast Counting(AggregateId aggregate, const std::string& user) {
  Forecast forecast;
  forecast.aggregate = aggregate;
  forecast.labels = LabelSet({{"user", user}});
  forecast.origin_ms = kOrigin;
  forecast.step_ms = kStep;
  forecast.quantile_levels = {0.1, 0.5, 0.9};
  for (int k = 1; k <= kHorizonSteps; ++k) {
    const auto v = static_cast<float>(k);
    forecast.values.insert(forecast.values.end(), {v - 1, v, v + 1});
  }
  return forecast;
}

HttpRequest Post(std::string body) {
  HttpRequest request;
  request.method = "POST";
  request.path = "/api/v1/read";
  request.body = std::move(body);
  return request;
}

// Protobuf by hand, for what our own client never sends.
std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}
std::string Number(int field, uint64_t value) {
  return Varint(static_cast<uint64_t>(field) << 3) + Varint(value);
}
std::string Bytes(int field, const std::string& bytes) {
  return Varint(static_cast<uint64_t>(field) << 3 | 2) + Varint(bytes.size()) + bytes;
}

// prometheus.ReadRequest for the hour after the origin with one matcher on `forecast`. `types` are
// the answers that the client accepts.
std::string ReadRequestMessage(Matcher::Type type, const std::string& value,
                               const std::vector<int>& types) {
  const std::string matcher =
      Number(1, static_cast<uint64_t>(type)) + Bytes(2, "forecast") + Bytes(3, value);
  std::string message =
      Bytes(1, Number(1, kOrigin) + Number(2, kOrigin + kHour) + Bytes(3, matcher));
  for (const int answer : types) message += Number(2, static_cast<uint64_t>(answer));
  return message;
}
std::string RequestAccepting(const std::vector<int>& types) {
  return ReadRequestMessage(Matcher::Type::kEqual, "curve", types);
}

class ReadHandlerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = Store::Open({.path = dir_.File("db")}, Logger());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    issued_ = std::make_unique<IssuedLog>(*store_);
    auto rules = std::make_shared<ActiveRules>();
    rules->external_labels = LabelSet({{"forecaster", "auspex"}});
    rules->rules = {StorageRule()};
    rules_ = std::move(rules);
    reader_ = std::make_unique<CurveReader>([this] { return rules_; }, forecasts_, *issued_);
    handler_ = std::make_unique<ReadHandler>(
        *reader_, [this] { return upstream_labels_; }, Logger(), registry_);
  }

  void Publish() {
    auto issue = std::make_shared<RuleForecasts>();
    issue->origin_ms = kOrigin;
    issue->forecasts = {Counting(kAnn, "ann"), Counting(kBob, "bob")};
    forecasts_.Publish("storage", std::move(issue));
  }

  // One result per query.
  std::vector<ReadResult> Ask(const std::vector<ReadQuery>& queries) {
    const HttpResponse response = handler_->Handle(Post(EncodeReadRequest(queries)));
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.content_type, kSamplesContentType);
    const auto results = DecodeReadResponse(response.body, kDecompressedBytesMax);
    EXPECT_TRUE(results.ok()) << results.status();
    return results.value_or(std::vector<ReadResult>());
  }
  ReadResult Ask(const std::string& selector, TimestampMs first_ms, TimestampMs last_ms) {
    auto results = Ask({{first_ms, last_ms, Selector::Parse(selector).value()}});
    EXPECT_EQ(results.size(), 1U);
    return results.empty() ? ReadResult() : std::move(results[0]);
  }
  size_t CountSeries(const std::string& selector) {
    return Ask(selector, kOrigin, kOrigin + kDay).size();
  }

  const TempDir dir_;
  prometheus::Registry registry_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<IssuedLog> issued_;
  ForecastStore forecasts_;
  std::shared_ptr<const ActiveRules> rules_;
  LabelSet upstream_labels_;
  std::unique_ptr<CurveReader> reader_;
  std::unique_ptr<ReadHandler> handler_;
};

TEST_F(ReadHandlerTest, RefusesWhatIsNoReadRequest) {
  Publish();
  constexpr std::string_view kCorrupt = "snappy: corrupt input\n";
  const struct {
    std::string_view what;
    std::string body;
    std::string_view message;  // begins the answer
  } kRows[] = {
      {"empty", "", kCorrupt},
      {"garbage", "garbage", kCorrupt},
      {"plain protobuf", RequestAccepting({}), kCorrupt},
      {"framed snappy", std::string("\xff\x06\x00\x00sNaPpY", 10), kCorrupt},
      {"33 MiB decompressed", SnappyCompress(std::string(33 << 20, 'x')),
       "snappy: decompressed size 34603008 exceeds limit 33554432\n"},
      {"bad protobuf", SnappyCompress("\x0a\xff"),
       "malformed protobuf: not a prometheus.ReadRequest\n"},
      {"regular expression",
       SnappyCompress(ReadRequestMessage(Matcher::Type::kRegex, "curve(", {})),
       "bad regular expression \"curve(\" for label forecast: "},
      {"matcher type",
       SnappyCompress(ReadRequestMessage(static_cast<Matcher::Type>(9), "curve", {})),
       "matcher on label \"forecast\": unknown type 9\n"},
      {"unknown answer type", SnappyCompress(RequestAccepting({7})),
       "accepted_response_types: only SAMPLES is offered\n"},
  };
  for (const auto& row : kRows) {
    const HttpResponse response = handler_->Handle(Post(row.body));
    EXPECT_EQ(response.status, 400) << row.what;
    EXPECT_TRUE(response.body.starts_with(row.message)) << row.what << ": " << response.body;
    EXPECT_EQ(response.content_type.rfind("text/plain", 0), 0U) << row.what;
  }
}

TEST_F(ReadHandlerTest, AnswersSamplesToEveryClientThatTakesThem) {
  Publish();
  for (const std::vector<int>& types : {std::vector<int>{1, 0}, {}, {0}, {0, 1}}) {
    const HttpResponse response = handler_->Handle(Post(SnappyCompress(RequestAccepting(types))));
    ASSERT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.content_type, kSamplesContentType);
    const auto results = DecodeReadResponse(response.body, kDecompressedBytesMax);
    ASSERT_TRUE(results.ok()) << results.status();
    ASSERT_EQ(results->size(), 1U);
    EXPECT_EQ((*results)[0].size(), 6U);
  }
}

TEST_F(ReadHandlerTest, NoQueriesGiveNoResults) {
  const HttpResponse response = handler_->Handle(Post(EncodeReadRequest({})));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, std::string(1, '\0'));
}

TEST_F(ReadHandlerTest, ResultsComeInTheOrderOfTheQueries) {
  Publish();
  const auto query = [](const std::string& user) {
    const std::string text = "{forecast=\"curve\",quantile=\"0.5\",user=\"" + user + "\"}";
    return ReadQuery{kOrigin, kOrigin + kHour, Selector::Parse(text).value()};
  };
  const auto results = Ask({query("bob"), query("eve"), query("ann")});
  ASSERT_EQ(results.size(), 3U);
  ASSERT_EQ(results[0].size(), 1U);
  EXPECT_EQ(results[0][0].labels.Get("user"), "bob");
  EXPECT_TRUE(results[1].empty());
  ASSERT_EQ(results[2].size(), 1U);
  EXPECT_EQ(results[2][0].labels.Get("user"), "ann");
}

TEST_F(ReadHandlerTest, BeforeTheFirstForecastTheAnswerIsEmpty) {
  EXPECT_EQ(CountSeries(kEverything), 0U);
}

TEST_F(ReadHandlerTest, MatchesAsPrometheusDoes) {
  Publish();
  const std::vector<std::pair<std::string, size_t>> table = {
      {kEverything, 6},
      {"storage_used_bytes_forecast", 6},
      {"http_requests_forecast{forecast=\"curve\"}", 0},
      {"{__name__=~\"storage_.*\",forecast=\"curve\"}", 6},
      {"{__name__=~\"storage\",forecast=\"curve\"}", 0},
      {"{__name__!=\"storage_used_bytes_forecast\",forecast=\"curve\"}", 0},
      {"{__name__!~\"http_.*\",forecast=\"curve\"}", 6},
      {"{__name__=~\".+\",forecast!=\"curve\"}", 0},
      {"{forecast=~\"cur.*\"}", 6},
      {"{forecast=\"curve\",user=\"ann\"}", 3},
      {"{forecast=\"curve\",user!=\"ann\"}", 3},
      {"{forecast=\"curve\",user=~\"ann|bob\"}", 6},
      {"{forecast=\"curve\",user=~\"an\"}", 0},
      {"{forecast=\"curve\",user!~\"a.*\"}", 3},
      {"{forecast=\"curve\",quantile=\"0.5\"}", 2},
      {"{forecast=\"curve\",quantile=\"0.50\"}", 0},
      {"{forecast=\"curve\",quantile!=\"0.5\"}", 4},
      {"{forecast=\"curve\",quantile=~\"0.[59]\"}", 4},
      {"{forecast=\"curve\",quantile!~\"0.[59]\"}", 2},
      // An absent label counts as the empty string.
      {"{forecast=\"curve\",team=\"\"}", 6},
      {"{forecast=\"curve\",team!=\"\"}", 0},
      {"{forecast=\"curve\",team=\"x\"}", 0},
      {"{forecast=\"curve\",team!=\"x\"}", 6},
      {"{forecast=\"curve\",team=~\".*\"}", 6},
      {"{forecast=\"curve\",team=~\".+\"}", 0},
      {"{forecast=\"curve\",team!~\".+\"}", 6},
      {"{forecast=\"curve\",horizon=\"6h\"}", 0},
      {"{forecast=\"curve\",period=\"\"}", 6},
      {"{forecast=\"curve\",period=\"day\"}", 0},
      {"{forecast=\"curve\",forecaster=\"auspex\"}", 6},
      {"{forecast=\"curve\",forecaster=\"other\"}", 0},
  };
  for (const auto& [selector, series] : table) EXPECT_EQ(CountSeries(selector), series) << selector;
}

TEST_F(ReadHandlerTest, ForgivesTheExternalLabelsThatPrometheusAdds) {
  Publish();
  upstream_labels_ = LabelSet({{"cluster", "eu"}, {"user", "ann"}, {"forecaster", "upstream"}});
  const std::vector<std::pair<std::string, size_t>> table = {
      {"{forecast=\"curve\",cluster=\"eu\"}", 6},
      {"{forecast=\"curve\",cluster=\"us\"}", 0},
      {"{forecast=\"curve\",cluster=~\"eu\"}", 0},
      {"{forecast=\"curve\",cluster!=\"eu\"}", 6},
      {"{forecast=\"curve\",cluster=\"\"}", 6},
      // Labels of our own mean what they say.
      {"{forecast=\"curve\",user=\"ann\"}", 3},
      {"{forecast=\"curve\",forecaster=\"upstream\"}", 0},
  };
  for (const auto& [selector, series] : table) EXPECT_EQ(CountSeries(selector), series) << selector;
}

TEST_F(ReadHandlerTest, AnyRangeOfInt64IsAnswered) {
  Publish();
  const ReadResult all = Ask(kEverything, kFirstTime, kLastTime);
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(all[0].samples.size(), static_cast<size_t>(kHorizonSteps));
  EXPECT_EQ(all[0].samples.front().timestamp_ms, kOrigin + kStep);
  EXPECT_EQ(all[0].samples.back().timestamp_ms, kOrigin + kDay);
  for (const auto& [first, last] :
       std::vector<std::pair<TimestampMs, TimestampMs>>{{kLastTime, kFirstTime},
                                                        {kLastTime, kLastTime},
                                                        {kFirstTime, kFirstTime},
                                                        {kFirstTime, 0},
                                                        {kOrigin + kDay + 1, kLastTime},
                                                        {kOrigin + kHour, kOrigin},
                                                        {kOrigin - kDay, kOrigin}}) {
    EXPECT_TRUE(Ask(kEverything, first, last).empty()) << first << ".." << last;
  }
}

TEST_F(ReadHandlerTest, ThePastIsWhatWasIssuedAtTheShortestLead) {
  Publish();
  for (TimestampMs origin = kOrigin - kDay; origin <= kOrigin; origin += kStep) {
    // Minutes from now to the target, as the median of the shortest lead; the longer lead is -1.
    const DurationMs whole = (origin + kHour - kOrigin) / kMinute;
    const auto minutes = static_cast<float>(whole);
    const IssuedRow row = {{kHour, 6 * kHour},
                           {0.1, 0.5, 0.9},
                           {{kAnn, {minutes - 1, minutes, minutes + 1, -1, -1, -1}}}};
    ASSERT_TRUE(issued_->Put(RuleId{1}, origin, row).ok());
  }
  const ReadResult past =
      Ask("{forecast=\"curve\",quantile=\"0.5\"}", kOrigin - kHour, kOrigin + kHour);
  ASSERT_EQ(past.size(), 2U);
  EXPECT_EQ(past[0].labels.Get("user"), "ann");
  ASSERT_EQ(past[0].samples.size(), 25U);
  for (size_t i = 0; i <= 12; ++i) {
    EXPECT_EQ(past[0].samples[i].timestamp_ms, kOrigin - kHour + static_cast<int>(i) * kStep);
    EXPECT_EQ(past[0].samples[i].value, -60 + 5 * static_cast<int>(i));
  }
  EXPECT_EQ(past[0].samples[13].value, 1);
  // Nothing had been issued for bob: his curve begins after the origin.
  EXPECT_EQ(past[1].samples.size(), 12U);
}

// Until two hours ago the rule had other leads and levels than now: [1h, 6h] x [0.1, 0.5, 0.9].
TEST_F(ReadHandlerTest, ThePastIsReadWithTheLeadsAndLevelsOfItsTime) {
  Publish();
  for (TimestampMs origin = kOrigin - kDay; origin <= kOrigin; origin += kStep) {
    const IssuedRow before = {{kMinute, kHour}, {0.5, 0.99}, {{kAnn, {-1, -1, 50, 99}}}};
    const IssuedRow now = {{kHour, 6 * kHour}, {0.1, 0.5, 0.9}, {{kAnn, {10, 51, 90, -1, -1, -1}}}};
    ASSERT_TRUE(issued_->Put(RuleId{1}, origin, origin < kOrigin - 2 * kHour ? before : now).ok());
  }
  const auto past = [&](const std::string& quantile) {
    const ReadResult result = Ask("{forecast=\"curve\",user=\"ann\",quantile=\"" + quantile + "\"}",
                                  kOrigin - 2 * kHour, kOrigin);
    std::vector<double> values;
    for (const ReadSeries& series : result) {
      for (const Sample& sample : series.samples) values.push_back(sample.value);
    }
    return values;
  };
  // The median was forecast an hour ahead all the time.
  std::vector<double> median(12, 50);
  median.insert(median.end(), 13, 51);
  EXPECT_EQ(past("0.5"), median);
  // The upper quantile was another one before: no value of that one is taken for it.
  EXPECT_EQ(past("0.9"), std::vector<double>(13, 90));
  EXPECT_EQ(past("0.99"), std::vector<double>());
}

TEST_F(ReadHandlerTest, ManyClientsAtOnceGetTheSameAnswer) {
  Publish();
  const std::string body =
      EncodeReadRequest({{kOrigin, kOrigin + kDay, Selector::Parse(kEverything).value()}});
  const std::string expected = handler_->Handle(Post(body)).body;
  std::atomic<int> equal{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([&] { equal += handler_->Handle(Post(body)).body == expected ? 1 : 0; });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(equal, 16);
}

// The handler behind a real server.
class ReadServerTest : public ReadHandlerTest {
 protected:
  void SetUp() override {
    ReadHandlerTest::SetUp();
    HttpRouter routes;
    routes.Add("POST", "/api/v1/read",
               [this](const HttpRequest& request) { return handler_->Handle(request); });
    server_.SetRoutes(std::move(routes));
    ASSERT_TRUE(server_.Start().ok());
  }
  void TearDown() override { server_.Stop(); }

  absl::StatusOr<HttpClientResponse> Perform(const std::string& method, const std::string& body) {
    HttpClientRequest request;
    request.method = method;
    request.url = "http://127.0.0.1:" + std::to_string(server_.port()) + "/api/v1/read";
    request.body = body;
    return HttpClient().Perform(request);
  }

  // Sends bytes and goes away without waiting for an answer.
  void SendAndLeave(const std::string& bytes) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(server_.port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    close(fd);
  }

  HttpServer server_{{.listen_address = "127.0.0.1:0"}, Logger(), registry_};
};

TEST_F(ReadServerTest, OnlyPostIsAllowed) {
  const auto response = Perform("GET", "");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 405);
  EXPECT_NE(response->Header("Allow").find("POST"), std::string_view::npos);
}

TEST_F(ReadServerTest, ClientsThatLeaveDoNotStopTheOthers) {
  Publish();
  const std::string body =
      EncodeReadRequest({{kOrigin, kOrigin + kDay, Selector::Parse(kEverything).value()}});
  const std::string head =
      "POST /api/v1/read HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n";
  for (int i = 0; i < 20; ++i) {
    SendAndLeave(head + body);                             // before the answer
    SendAndLeave(head + body.substr(0, body.size() / 2));  // before the request is complete
  }
  const auto response = Perform("POST", body);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, handler_->Handle(Post(body)).body);
}

}  // namespace
}  // namespace auspex
