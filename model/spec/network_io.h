// What the network reads and writes: the constants that features, engine, trainer and the kernels
// of every device share. Nothing but the language is included, so that any compiler can read it.
#pragma once

namespace auspex::model {

// Encoder over the day patches of the context. kNone: the decoder alone, from the candidates and
// their recent errors.
enum class Cell { kLstm, kGru, kTransformer, kNone };

inline constexpr int kCandidates = 20;                 // naive forecasts that the decoder mixes
inline constexpr int kTargetFeatures = 9;              // of one target time, of the values alone
inline constexpr int kShapeFeatures = 7;               // of the window
inline constexpr int kBacktestLogs = 2 * kCandidates;  // at short leads, then at long ones
inline constexpr int kWindowFeatures = kShapeFeatures + kBacktestLogs;  // of the values alone
inline constexpr int kPatchValues = 24;                                 // means inside one patch
inline constexpr int kPatchExtremes = 3;     // max, min, std of a patch with more steps than that
inline constexpr int kCalendarFeatures = 4;  // of one patch: sin/cos time of day and day of week
inline constexpr int kPatchesMax = 14;

// What covariates and special days add, after all of that (ModelSpec counts it in).
inline constexpr int kCovariatesMax = 8;
inline constexpr int kCovariateFeatures = 5;         // of the window, for each covariate
inline constexpr int kSpecialDayFeatures = 1;        // of the window, where days are special
inline constexpr int kSpecialDayTargetFeatures = 4;  // of one target, where days are special

// Outputs of the decoder for one target, in this order: a logit per candidate, the correction, the
// gate that damps it, the chance of a value below the last one and how much of it is exactly "no
// change" (both as logits), a spread per quantile level other than 0.5 (levels ascending).
inline constexpr int kOutputCorrection = kCandidates;
inline constexpr int kOutputGate = kCandidates + 1;
inline constexpr int kOutputBelow = kCandidates + 2;
inline constexpr int kOutputStay = kCandidates + 3;
inline constexpr int kOutputSpreads = kCandidates + 4;

inline constexpr int kLevelsMax = 19;  // quantile levels
inline constexpr int kLayersMax = 4;   // of the encoder

// Below this probability of "no change" the last value is a value like any other.
inline constexpr double kStayMin = 0.05;

// Index among a target's features: lead time in horizons.
inline constexpr int kFeatureHorizons = 0;

// Indices into the candidates.
inline constexpr int kCandidateLast = 0;
inline constexpr int kCandidateSeasonalNaive = 4;  // same time yesterday, raw

}  // namespace auspex::model
