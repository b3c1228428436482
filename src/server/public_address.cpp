// Which addresses are anybody's (IANA's registries of special-purpose addresses, for IPv4 and
// IPv6).
#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <cstring>

#include "server/media_fetch.h"

namespace owl3::server {

namespace {

struct Network {
  uint32_t address;
  int bits;
};

constexpr uint32_t of(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

constexpr Network kNotPublic[] = {
    {of(0, 0, 0, 0), 8},      {of(10, 0, 0, 0), 8},     {of(100, 64, 0, 0), 10},
    {of(127, 0, 0, 0), 8},    {of(169, 254, 0, 0), 16}, {of(172, 16, 0, 0), 12},
    {of(192, 0, 0, 0), 24},   {of(192, 0, 2, 0), 24},   {of(192, 88, 99, 0), 24},
    {of(192, 168, 0, 0), 16}, {of(198, 18, 0, 0), 15},  {of(198, 51, 100, 0), 24},
    {of(203, 0, 113, 0), 24}, {of(224, 0, 0, 0), 4},    {of(240, 0, 0, 0), 4},
};

bool is_public(uint32_t address) {
  for (const Network& network : kNotPublic) {
    if ((address ^ network.address) >> (32 - network.bits) == 0) return false;
  }
  return true;
}

/// Of the networks given out to the world (2000::/3), but for those that carry an IPv4 address, or
/// are for documents and tests.
bool is_public(const uint8_t (&bytes)[16]) {
  if ((bytes[0] & 0xe0) != 0x20) return false;
  const auto begins = [&](uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    const uint8_t first[] = {a, b, c, d};
    return std::memcmp(bytes, first, sizeof first) == 0;
  };
  const bool teredo = begins(0x20, 0x01, 0, 0);
  const bool documents = begins(0x20, 0x01, 0x0d, 0xb8) || (bytes[0] == 0x3f && bytes[1] == 0xff);
  const bool six_to_four = bytes[0] == 0x20 && bytes[1] == 0x02;
  // 2001::/23 is IETF's own: tests, overlay networks, identifiers.
  const bool of_protocols = bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] < 0x02;
  return !teredo && !documents && !six_to_four && !of_protocols;
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return is_public(ntohl(in.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return false;
  sockaddr_in6 in{};
  std::memcpy(&in, &address, sizeof in);
  return is_public(in.sin6_addr.s6_addr);
}

}  // namespace owl3::server
