// The pictures of a data set: scenes and clips, made once, that rows refer to as often as they
// like. So sequences of hundreds of images cost no more pictures than single ones.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "owlet/clips.h"
#include "owlet/scene_maker.h"

namespace owl3 {

struct PoolOptions {
  uint64_t seed = 0;
  int scenes = 20000;
  int clips = 0;
  int max_frames = 12;  // of a clip
};

class Pool {
 public:
  /// A pure function of the split and the options; another number of clips changes no scene.
  Pool(const SceneMaker& maker, const PoolOptions& options);

  int scenes() const { return static_cast<int>(scenes_.size()); }
  const Scene& scene(int picture) const { return scenes_.at(static_cast<size_t>(picture)); }
  /// Scenes that show the thing, once and alone.
  const std::vector<int>& scenes_of(int thing) const;
  /// Scenes with one thing.
  const std::vector<int>& single_scenes() const { return singles_; }

  int clips() const { return static_cast<int>(clips_.size()); }
  const Clip& clip(int index) const { return clips_.at(static_cast<size_t>(index)).clip; }
  /// The pictures of its frames follow this one.
  int first_picture_of_clip(int index) const {
    return clips_.at(static_cast<size_t>(index)).first_picture;
  }

  /// Scenes, then the frames of all clips.
  int pictures() const { return static_cast<int>(all_.size()); }
  const Scene& picture(int index) const { return *all_.at(static_cast<size_t>(index)); }

 private:
  struct ClipPictures {
    Clip clip;
    int first_picture = 0;
  };
  std::vector<Scene> scenes_;
  std::vector<ClipPictures> clips_;
  std::vector<const Scene*> all_;
  std::vector<int> singles_;
  std::unordered_map<int, std::vector<int>> scenes_of_;
  std::vector<int> none_;
};

}  // namespace owl3
