// LibTorch's headers, compiled once for the room.
#pragma once

#include <torch/torch.h>
