// `auspex status`: what a running daemon is doing, and the aggregates by time to their limit.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "sidecar/app/api_client.h"
#include "sidecar/app/commands.h"
#include "sidecar/base/table.h"

namespace auspex {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kPollEvery{500};

struct StatusFlags {
  std::string url = "http://localhost:9095";
  bool wait = false;
  int timeout_seconds = 600;
  int top = 40;
};

std::string RuleLine(const json& rule) {
  const double progress = rule.value("progress", 0.0);
  std::string line =
      absl::StrFormat("%-20s %-12s %s %3.0f%% %s", rule.value("name", ""), rule.value("phase", ""),
                      FormatBar(progress), 100 * progress, rule.value("stage", ""));
  const std::string error = rule.value("last_error", "");
  if (!error.empty()) line += "  last error: " + error;
  return line;
}

// A rule's first round is complete when forecasts of a trained model are out.
bool RoundComplete(const json& rule) {
  return rule.value("phase", "") == "forecasting" && rule.value("forecasts", 0) > 0 &&
         rule.contains("trained_at") && rule.contains("last_forecast") &&
         rule["last_forecast"].get<double>() >= rule["trained_at"].get<double>();
}

// Shows progress where it changes: in place on a terminal, as new lines elsewhere.
class ProgressView {
 public:
  void Show(const std::vector<std::string>& lines) {
    if (lines == shown_) return;
    if (terminal_ && !shown_.empty()) std::cout << "\x1b[" << shown_.size() << "A";
    for (size_t i = 0; i < lines.size(); ++i) {
      if (terminal_) {
        std::cout << "\x1b[2K" << lines[i] << "\n";
      } else if (i >= shown_.size() || lines[i] != shown_[i]) {
        std::cout << lines[i] << "\n";
      }
    }
    std::cout.flush();
    shown_ = lines;
  }

 private:
  const bool terminal_ = isatty(STDOUT_FILENO) == 1;
  std::vector<std::string> shown_;
};

// Waits for the first complete round of every rule.
bool WaitForRound(ApiClient& client, const StatusFlags& flags) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(flags.timeout_seconds);
  ProgressView view;
  std::string problem = "no rules";
  while (std::chrono::steady_clock::now() < deadline) {
    const auto data = client.Get("rules");
    if (data.ok()) {
      const json& rules = (*data)["rules"];
      std::vector<std::string> lines;
      for (const json& rule : rules) lines.push_back(RuleLine(rule));
      view.Show(lines);
      if (!rules.empty() && std::all_of(rules.begin(), rules.end(), RoundComplete)) return true;
      problem = "the first round is not complete";
    } else {
      problem = data.status().ToString();
    }
    std::this_thread::sleep_for(kPollEvery);
  }
  std::cerr << "auspex status: gave up after " << flags.timeout_seconds << " s: " << problem
            << "\n";
  return false;
}

std::string LabelText(const json& labels) {
  std::string text;
  for (const auto& [name, value] : labels.items()) {
    if (!text.empty()) text += ' ';
    text += name + "=" + value.get<std::string>();
  }
  return text;
}

// The median's and the highest quantile's time to the limit.
std::pair<std::string, std::string> TimeToLimitText(const json& aggregate) {
  std::vector<std::string> times;
  for (const json& time : aggregate["time_to_limit"]) {
    times.push_back(time.contains("seconds") ? FormatSeconds(time["seconds"].get<double>()) : "-");
  }
  if (times.empty()) return {"", ""};
  return {times.front(), times.back()};
}

std::vector<std::string> AggregateRow(const json& aggregate) {
  const auto [median, upper] = TimeToLimitText(aggregate);
  std::vector<std::string> row = {LabelText(aggregate["labels"]),
                                  FormatSi(aggregate.value("last_value", 0.0))};
  if (aggregate.contains("limit")) {
    const double limit = aggregate["limit"].get<double>();
    row.push_back(FormatSi(limit));
    row.push_back(absl::StrFormat("%.1f%%", 100 * aggregate.value("last_value", 0.0) / limit));
  } else {
    row.insert(row.end(), {"", ""});
  }
  row.insert(row.end(), {median, upper});
  const json& leads = aggregate["leads"];
  row.push_back(!leads.empty() && leads.back().contains("breach_probability")
                    ? absl::StrFormat("%.2f", leads.back()["breach_probability"].get<double>())
                    : "");
  row.push_back(aggregate.value("model", "") + " (" + aggregate.value("reason", "") + ")");
  return row;
}

int PrintAggregates(ApiClient& client, const StatusFlags& flags) {
  const auto data = client.Get("aggregates");
  if (!data.ok()) {
    std::cerr << "auspex status: " << data.status() << "\n";
    return 1;
  }
  const json& aggregates = (*data)["aggregates"];
  std::vector<std::vector<std::string>> rows = {
      {"AGGREGATE", "NOW", "LIMIT", "USED", "TO LIMIT", "(UPPER)", "P(BREACH)", "MODEL"}};
  for (const json& aggregate : aggregates) {
    if (static_cast<int>(rows.size()) > flags.top) break;
    rows.push_back(AggregateRow(aggregate));
  }
  std::cout << FormatTable(rows);
  if (static_cast<int>(aggregates.size()) > flags.top) {
    std::cout << "... and " << aggregates.size() - flags.top << " more (--top)\n";
  }
  return 0;
}

int RunStatus(const StatusFlags& flags) {
  ApiClient client(flags.url);
  if (flags.wait) {
    if (!WaitForRound(client, flags)) return 1;
  } else {
    const auto data = client.Get("rules");
    if (!data.ok()) {
      std::cerr << "auspex status: " << data.status() << "\n";
      return 1;
    }
    for (const json& rule : (*data)["rules"]) std::cout << RuleLine(rule) << "\n";
  }
  return PrintAggregates(client, flags);
}

}  // namespace

void AddStatusCommand(CLI::App& app, int* exit_status) {
  auto flags = std::make_shared<StatusFlags>();
  CLI::App* command = app.add_subcommand(
      "status", "Show what a running daemon is doing, and the aggregates by time to limit");
  command->add_option("--url", flags->url, "Address of the daemon")->capture_default_str();
  command->add_flag("--wait", flags->wait, "Wait for the first complete round, with progress bars");
  command->add_option("--timeout", flags->timeout_seconds, "Seconds that --wait waits")
      ->capture_default_str();
  command->add_option("--top", flags->top, "Rows of the table")->capture_default_str();
  command->callback([flags, exit_status] { *exit_status = RunStatus(*flags); });
}

}  // namespace auspex
