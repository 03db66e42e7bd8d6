#include "sidecar/app/step_writer.h"

#include <vector>

namespace auspex {

absl::Status StepWriter::Write(std::span<const ClosedStep> steps) {
  for (const ClosedStep& step : steps) {
    if (absl::Status status = WriteStep(step); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status StepWriter::WriteStep(const ClosedStep& step) {
  const auto rule = rules_.IdOf(step.rule);
  if (!rule.ok()) return absl::OkStatus();
  std::vector<AggregateValue> values;
  values.reserve(step.values.size());
  for (const auto& [labels, value] : step.values) {
    const auto aggregate = history_.Intern(*rule, *labels);
    if (!aggregate.ok()) return aggregate.status();
    values.push_back({*aggregate, value});
  }
  return history_.AppendStep(*rule, step.t_ms, values);
}

}  // namespace auspex
