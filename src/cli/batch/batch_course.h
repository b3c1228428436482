// A run of `owl3 batch` from its first row to the line that tells what became of it.
#pragma once

#include <functional>

#include "batch/batch_loop.h"
#include "cli/batch/batch_options.h"
#include "cli/batch/batch_output.h"
#include "owl3/owl3.h"

namespace owl3::cli {

/// Opens the output, asks for what it has not, and tells of it. `run` is given a course once or
/// twice. Throws Interrupted with how to go on, and InputError where rows failed.
void run_to_the_end(const BatchArguments& arguments, BatchOutput& output,
                    const std::function<void(const BatchCourse& course)>& run,
                    const std::function<VisualMemoryStats()>& memory);

}  // namespace owl3::cli
