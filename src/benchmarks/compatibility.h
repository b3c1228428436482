// Whether the faults of the official evaluation are wanted too.
#pragma once

namespace owl3 {

/// The official code has slips that change results: a count that is an option, an empty reply that
/// counts as right. docs/evaluation.md lists them.
enum class Compatibility {
  kIntended,  // what was meant
  kOfficial,  // what the official code gives, faults and all
};

}  // namespace owl3
