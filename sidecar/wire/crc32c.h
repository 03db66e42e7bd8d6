// CRC-32C (Castagnoli polynomial, RFC 3720 appendix B.4).
#pragma once

#include <cstdint>
#include <string_view>

namespace auspex {

uint32_t Crc32c(std::string_view bytes);

}  // namespace auspex
