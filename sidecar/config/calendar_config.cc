#include "sidecar/config/calendar_config.h"

#include <algorithm>
#include <string>

#include "sidecar/core/date.h"

namespace auspex {
namespace {

constexpr size_t kDaysMax = 1000;  // model/spec/model_spec.h

}  // namespace

std::vector<int> ReadCalendar(const YamlValue& value) {
  std::vector<int> days;
  YamlMap map(value, "calendar");
  const auto list = map.Require("days");
  map.Finish();
  if (!list) return days;
  for (const YamlValue& item : list->Items()) {
    const auto text = item.Text();
    if (!text) continue;
    const auto day = ParseDate(*text);
    if (!day.ok()) {
      item.WrongType("a date, like 2026-12-25");
    } else if (std::find(days.begin(), days.end(), *day) != days.end()) {
      item.Error(*text + " is given twice");
    } else {
      days.push_back(*day);
    }
  }
  if (days.size() > kDaysMax) {
    list->Error("calendar holds more than " + std::to_string(kDaysMax) + " days");
  }
  std::sort(days.begin(), days.end());
  return days;
}

}  // namespace auspex
