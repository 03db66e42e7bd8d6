// The servers of a configuration: `upstream` and `remote_write`. Private to sidecar/config.
#pragma once

#include <vector>

#include "sidecar/config/config.h"
#include "sidecar/config/yaml_reader.h"

namespace auspex {

UpstreamConfig ReadUpstream(const YamlValue& value);
std::vector<RemoteWriteConfig> ReadRemoteWrites(const YamlValue& value);

}  // namespace auspex
