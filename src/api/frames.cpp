#include "api/frames.h"

#include "api/impl.h"
#include "core/api_call.h"

namespace owl3 {

Medium film_of_frames(const Model& model, const std::string& name, std::span<const Medium> frames) {
  return api_call([&] {
    auto film = std::make_shared<Internals::EncodedMedium>(model);
    film->path = name;
    film->layout = VideoLayout{static_cast<int64_t>(frames.size())};
    for (const Medium& frame : frames) {
      const Internals::EncodedMedium& encoded = Internals::of(frame);
      if (frame.is_video() || encoded.images.size() != 1) {
        throw UsageError(fmt::format("{}: a frame of a film must be an image that is not cut",
                                     frame.path().string()));
      }
      film->images.push_back(encoded.images.front());
      film->hashes.insert(film->hashes.end(), encoded.hashes.begin(), encoded.hashes.end());
    }
    return Internals::medium(std::move(film));
  });
}

}  // namespace owl3
