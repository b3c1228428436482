// The one symbol that libowl3_torch.so shows.
#include "backend/torch/make_torch_backend.h"
#include "backend/torch_plugin.h"
#include "owl3/export.h"

extern "C" {
extern OWL3_API const owl3::TorchPlugin owl3_torch_plugin;
const owl3::TorchPlugin owl3_torch_plugin = {
    .stamp = OWL3_TORCH_STAMP,
    .make = owl3::make_torch_backend,
};
}
