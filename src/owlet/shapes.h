// Plain shapes as white stickers, to be tinted.
#pragma once

#include "owlet/sticker.h"

namespace owl3 {

/// The shape of kShapes with that index.
Sticker make_shape(int shape);

}  // namespace owl3
