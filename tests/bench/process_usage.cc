#include "tests/bench/process_usage.h"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace auspex {
namespace {

std::string ReadProc(int pid, const char* file) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + file;
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in || text.str().empty()) throw std::runtime_error("cannot read " + path);
  return text.str();
}

// A line of /proc/PID/status that is in kB, in MB.
double StatusMb(int pid, const std::string& key) {
  const std::string status = ReadProc(pid, "status");
  const size_t at = status.find(key + ":");
  if (at == std::string::npos) throw std::runtime_error("no " + key + " in /proc/PID/status");
  return std::stod(status.substr(at + key.size() + 1)) / 1024;
}

}  // namespace

double CpuSecondsOf(int pid) {
  // proc(5): utime and stime are fields 14 and 15, the 12th and 13th after the program's name,
  // which is in brackets and may hold anything.
  const std::string stat = ReadProc(pid, "stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double PeakRssMb(int pid) { return StatusMb(pid, "VmHWM"); }
double RssMb(int pid) { return StatusMb(pid, "VmRSS"); }

}  // namespace auspex
