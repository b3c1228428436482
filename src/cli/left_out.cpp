#include "cli/left_out.h"

#include <algorithm>

#include "core/error.h"
#include "program/terminal.h"

namespace owl3::cli {

void tell_left_out(const std::vector<LeftOut>& left_out) {
  constexpr size_t kMostReasons = 6;
  for (size_t i = 0; i < left_out.size();) {
    const std::string& where = left_out[i].where;
    std::vector<std::string> reasons;
    for (; i < left_out.size() && left_out[i].where == where; ++i) {
      reasons.push_back(left_out[i].reason);
    }
    if (reasons.size() > kMostReasons) {
      const size_t more = reasons.size() - (kMostReasons - 1);
      reasons.resize(kMostReasons - 1);
      reasons.push_back(fmt::format("and files of {} more kinds", more));
    }
    tell(one_line(fmt::format("owl3: warning: {}: left out: {}", where, fmt::join(reasons, "; "))) +
         "\n");
  }
}

void tell_broken(const std::vector<LeftOut>& broken) {
  constexpr size_t kMostNamed = 20;
  for (size_t i = 0; i < std::min(broken.size(), kMostNamed); ++i) {
    tell(one_line(fmt::format("owl3: warning: left out: {}", broken[i].reason)) + "\n");
  }
  if (broken.size() > kMostNamed) {
    tell(fmt::format("owl3: warning: left out: {} more images that cannot be read\n",
                     broken.size() - kMostNamed));
  }
}

}  // namespace owl3::cli
