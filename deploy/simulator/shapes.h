// The curves that a quota's level is made of: working hours, night purges, pulses, ripples. All are
// pure functions of time, so that any moment of the story can be computed on its own.
// Times are Unix seconds in UTC; heights are shares of the quota (1 = the whole quota).
#pragma once

#include <array>

namespace auspex::simulator {

inline constexpr double kMinuteSeconds = 60;
inline constexpr double kHourSeconds = 3600;
inline constexpr double kDaySeconds = 24 * kHourSeconds;

// How busy the site is, 0..1: quiet at night, two humps over the working day, less at weekends.
double Activity(double t);

// The area under Activity since the Unix epoch, in busy seconds. Monotonic; the base of counters.
double BusySeconds(double t);

// Scratch data that builds up with activity and is purged at 03:00: about 1 in the evening of a
// working day, 0 after the purge, which takes half an hour.
double Scratch(double t);

// Up over `rise` seconds, flat for `hold`, down over `fall`; 0 before and after.
struct Pulse {
  double start = 0;
  double rise = 1;
  double hold = 0;
  double fall = 1;
  double size = 0;  // height of the flat part

  double At(double t) const;
  // What has been written up to t: grows with the rise and never falls.
  double Written(double t) const;
  double end() const { return start + rise + hold + fall; }
};

// A smooth wobble around 0 that never repeats within a month.
struct Ripple {
  struct Wave {
    double period = 1;
    double phase = 0;
    double height = 0;
  };
  std::array<Wave, 3> waves;

  double At(double t) const;
};

}  // namespace auspex::simulator
