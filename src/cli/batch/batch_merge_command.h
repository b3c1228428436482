// `owl3 batch merge`.
#pragma once

namespace CLI {
class App;
}

namespace owl3::cli {

void add_batch_merge_command(CLI::App& batch);

}  // namespace owl3::cli
