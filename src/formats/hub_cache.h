// Models as Hugging Face's tools keep them: a folder `models--ORG--NAME` with `snapshots/COMMIT/`,
// whose files are links into `blobs/`, and `refs/main`, which names a commit.
#pragma once

#include <filesystem>
#include <string>

namespace owl3 {

/// Where the files of a model lie: `path` itself, unless it is a folder without `file` that a
/// Hugging Face cache keeps a model in (or the folder `snapshots` there). Then the snapshot that
/// refs/main names, or the only one. Throws InputError, with what to give instead, when there are
/// several snapshots or none, and for a whole cache.
std::filesystem::path find_snapshot(const std::filesystem::path& path, const std::string& file);

/// Whether the folder holds that file. Throws InputError for a link to what is not there, as an
/// incomplete download leaves it.
bool holds_file(const std::filesystem::path& folder, const std::string& file);

/// What people call the model: the folder's or file's name, NAME of a Hugging Face cache.
std::string model_name_of(const std::filesystem::path& path);

}  // namespace owl3
