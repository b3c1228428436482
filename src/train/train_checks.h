// What can be known to go wrong before a run begins: found then, and not after hours of it.
#pragma once

#include "program/interrupt.h"
#include "runs/recipe.h"
#include "train/distributed.h"
#include "train/training_task.h"

namespace owl3::train {

/// Whether the output's disk has room for what can't be done without, a checkpoint and the model.
/// Throws InputError.
void check_room(const Recipe& recipe, TrainingTask& task);

/// All rows of data and validation, read and decoded (unless `quick`) as training would. Prints
/// what was found; throws InputError when more are broken than the recipe lets pass, or all are of
/// no use, and Interrupted.
void check_all_rows(const Recipe& recipe, TrainingTask& task, bool quick,
                    const InterruptGuard& interrupts);

/// The rows of data, or the first thousands of many: what a row says, and whether its media are
/// there, not decoded. Each process reads its share, and all throw the same InputError when one is
/// broken, unless the recipe skips such rows: then training tells them as it meets them.
void check_data(const Recipe& recipe, TrainingTask& task, const Launch& launch,
                Processes& processes, const InterruptGuard& interrupts);

/// How long the run will be, the first process's count for all. Throws InputError on all when the
/// data make no step.
RunLength check_length(const Recipe& recipe, const TrainingTask& task, Processes& processes,
                       const InterruptGuard& interrupts);

/// The validation's rows alone: each process reads its share, and all throw the same.
void check_validation(const Recipe& recipe, TrainingTask& task, const Launch& launch,
                      Processes& processes, const InterruptGuard& interrupts);

/// What --resume would go on from, held against the recipe and the data. Prints it; throws
/// InputError.
void check_resume(const Recipe& recipe, TrainingTask& task);

}  // namespace owl3::train
