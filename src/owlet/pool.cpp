#include "owlet/pool.h"

namespace owl3 {

Pool::Pool(const SceneMaker& maker, const PoolOptions& options) {
  const auto split = static_cast<uint64_t>(maker.split());
  for (int i = 0; i < options.scenes; ++i) {
    Random random{options.seed, split, hash_text("scene"), static_cast<uint64_t>(i)};
    scenes_.push_back(maker.make(random));
    const Scene& scene = scenes_.back();
    if (scene.objects.size() != 1) continue;
    singles_.push_back(i);
    scenes_of_[scene.objects[0].thing].push_back(i);
  }
  int next_picture = options.scenes;
  for (int i = 0; i < options.clips; ++i) {
    Random random{options.seed, split, hash_text("clip"), static_cast<uint64_t>(i)};
    const auto kind = static_cast<ClipKind>(random.below(kClipKinds));
    clips_.push_back({make_clip(kind, options.max_frames, maker, random), next_picture});
    next_picture += static_cast<int>(clips_.back().clip.frames.size());
  }
  for (const Scene& scene : scenes_) all_.push_back(&scene);
  for (const ClipPictures& clip : clips_) {
    for (const Scene& frame : clip.clip.frames) all_.push_back(&frame);
  }
}

const std::vector<int>& Pool::scenes_of(int thing) const {
  const auto found = scenes_of_.find(thing);
  return found == scenes_of_.end() ? none_ : found->second;
}

}  // namespace owl3
