// The owl3 C++ API: load a model, remember images and films, hold conversations about them.
// docs/api.md shows a complete program.
#pragma once

#include "owl3/chat.h"
#include "owl3/engine.h"
#include "owl3/error.h"
#include "owl3/evidence.h"
#include "owl3/export.h"
#include "owl3/image_files.h"
#include "owl3/live.h"
#include "owl3/model.h"
#include "owl3/options.h"
#include "owl3/saved_memory.h"
#include "owl3/visual_memory.h"
