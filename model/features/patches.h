// The day patches that the encoder reads.
#pragma once

#include <cstdint>
#include <span>

#include "model/features/history_view.h"
#include "model/features/season.h"
#include "model/spec/model_spec.h"

namespace auspex::model {

// Fills `out`, [spec.patches()][spec.patch_inputs()], oldest patch first. The newest patch ends at
// the view's newest step, at local time `origin_local_ms`. One patch is
//   asinh of z: kPatchValues means of equal parts (every step where a day has no more than that),
//     and, where it has more, maximum, minimum and standard deviation; zero where the view has no
//     step,
//   share of steps that were observed,
//   sin/cos of the time of day and of the day of week at its end.
void FillPatches(const ModelSpec& spec, const HistoryView& view, const Season& season, double level,
                 double scale, int64_t origin_local_ms, std::span<float> out);

}  // namespace auspex::model
