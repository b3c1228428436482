#include "server/media_reader.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <optional>
#include <system_error>

#include "api/frames.h"
#include "core/error.h"
#include "server/request_error.h"

namespace owl3::server {

namespace {

/// Bytes with a path: what reads films wants a file.
class FileInMemory {
 public:
  explicit FileInMemory(const std::string& bytes)
      : descriptor_(::memfd_create("film", MFD_CLOEXEC)) {
    for (size_t at = 0; descriptor_ >= 0 && at < bytes.size();) {
      const ssize_t count = ::write(descriptor_, bytes.data() + at, bytes.size() - at);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) {
        ::close(descriptor_);
        descriptor_ = -1;
      } else {
        at += static_cast<size_t>(count);
      }
    }
    if (descriptor_ < 0) {
      throw RequestError(503, "no room for a film: " + std::generic_category().message(errno));
    }
  }
  ~FileInMemory() { ::close(descriptor_); }
  FileInMemory(const FileInMemory&) = delete;
  FileInMemory& operator=(const FileInMemory&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

constexpr std::string_view kFrameOf = ", frame ";

std::string name_of_frame(const std::string& film, size_t index) {
  return fmt::format("{}{}{}", film, kFrameOf, index + 1);
}

/// What is read of a film's file; what is wrong with it is told by the film's place.
template <typename Read>
auto of_film(const SentMedium& film, const Read& read) {
  std::optional<FileInMemory> file;
  if (film.path.empty()) file.emplace(film.files.front());
  const std::string path = file ? file->path() : film.path;
  try {
    return read(path);
  } catch (const InputError& error) {
    throw RequestError(400, replaced(error.what(), path, film.where), film.where);
  }
}

/// Says which of the images it is that can't be read, for programs too.
template <typename Read>
auto naming_the_broken(std::span<const ImageBytes> images, const Read& read) {
  try {
    return read();
  } catch (const InputError& error) {
    const std::string message = error.what();
    for (const ImageBytes& image : images) {
      if (!message.starts_with(image.name + ":")) continue;
      throw RequestError(400, message, image.name.substr(0, image.name.find(kFrameOf)));
    }
    throw;
  }
}

std::vector<ImageBytes> images_of(std::span<const SentMedium> media) {
  std::vector<ImageBytes> images;
  for (const SentMedium& medium : media) {
    for (size_t i = 0; i < medium.files.size(); ++i) {
      const std::string name =
          medium.kind == SentMedium::Kind::kFrames ? name_of_frame(medium.where, i) : medium.where;
      images.push_back({name, std::as_bytes(std::span(medium.files[i]))});
    }
  }
  return images;
}

/// Behind the media from `first` on that can be read together: images that are cut alike, and
/// everything else alone.
size_t end_of_run(const std::vector<SentMedium>& media, size_t first) {
  size_t end = first + 1;
  if (media[first].kind != SentMedium::Kind::kImage) return end;
  while (end < media.size() && media[end].kind == SentMedium::Kind::kImage &&
         media[end].cut == media[first].cut) {
    ++end;
  }
  return end;
}

/// What is made of each medium, in their order.
template <typename Item, typename ReadImages, typename JoinFrames, typename ReadFilm, typename Know>
std::vector<Item> in_runs(const ServedModel& model, const std::vector<SentMedium>& media,
                          const ReadImages& read_images, const JoinFrames& join_frames,
                          const ReadFilm& read_film, const Know& know) {
  std::vector<Item> all;
  for (size_t first = 0; first < media.size();) {
    const size_t end = end_of_run(media, first);
    const SentMedium& medium = media[first];
    if (medium.kind == SentMedium::Kind::kKnown) {
      all.push_back(know(*medium.known));
    } else if (medium.kind == SentMedium::Kind::kFilm) {
      all.push_back(read_film(medium));
    } else {
      ImageOptions how = model.options().image;
      const bool frames = medium.kind == SentMedium::Kind::kFrames;
      if (frames) how.cut = false;
      if (medium.cut) how.cut = medium.cut;
      const std::vector<ImageBytes> images =
          images_of(std::span(media).subspan(first, end - first));
      std::vector<Item> some = naming_the_broken(images, [&] { return read_images(images, how); });
      if (frames) {
        all.push_back(join_frames(medium, some));
      } else {
        std::move(some.begin(), some.end(), std::back_inserter(all));
      }
    }
    first = end;
  }
  return all;
}

/// The memory of all, as one request sees it: what that has it do is counted by itself, and among
/// all when it is over, however it ends.
struct RequestMemory {
  explicit RequestMemory(ServedModel& model_in)
      : model(model_in), memory(model.model(), model.memory()) {}
  ~RequestMemory() { model.count(memory.stats()); }
  RequestMemory(const RequestMemory&) = delete;
  RequestMemory& operator=(const RequestMemory&) = delete;

  ServedModel& model;
  VisualMemory memory;
};

}  // namespace

void fetch_media(ServedModel& model, std::vector<SentMedium>& media,
                 const ProgressCallback& progress) {
  if (model.fetcher() == nullptr) return;
  model.fetcher()->fetch(media, [&] { return !progress || progress("fetching", 0, 0); });
}

std::vector<MediumPlan> plan_media(ServedModel& model, const std::vector<SentMedium>& media,
                                   const ProgressCallback& progress) {
  return in_runs<MediumPlan>(
      model, media,
      [&](std::span<const ImageBytes> images, const ImageOptions& how) {
        return model.memory().plan_images(images, how, progress);
      },
      [](const SentMedium& frames, std::span<const MediumPlan> plans) {
        MediumPlan film;
        film.is_video = true;
        film.path = frames.where;
        film.frames = static_cast<int64_t>(plans.size());
        return film;
      },
      [&](const SentMedium& film) {
        return of_film(film, [&](const std::string& path) {
          return model.memory().plan_video(path, film.video, progress);
        });
      },
      [](const Medium& known) { return known.plan(); });
}

std::string warning_of(const Medium& medium) {
  const std::string& warning = medium.warning();
  const std::string name = medium.path().string() + ": ";
  return warning.starts_with(name) ? warning.substr(name.size()) : warning;
}

EncodedMedia read_media(ServedModel& model, const std::vector<SentMedium>& media,
                        const ProgressCallback& progress) {
  RequestMemory request(model);
  VisualMemory& memory = request.memory;
  std::vector<std::string> warnings;
  const auto take_warning = [&](const Medium& medium, const std::string& place) {
    if (!medium.warning().empty()) warnings.push_back(place + ": " + warning_of(medium));
  };
  std::vector<Medium> read = in_runs<Medium>(
      model, media,
      [&](std::span<const ImageBytes> images, const ImageOptions& how) {
        return memory.add_images(images, how, progress);
      },
      [&](const SentMedium& frames, std::span<const Medium> images) {
        for (const Medium& image : images) take_warning(image, image.path().string());
        return film_of_frames(model.model(), frames.where, images);
      },
      [&](const SentMedium& film) {
        return of_film(film, [&](const std::string& path) {
          return memory.add_video(path, film.video, progress);
        });
      },
      [](const Medium& known) { return known; });
  for (size_t i = 0; i < media.size(); ++i) take_warning(read[i], media[i].where);
  return {std::move(read), std::move(warnings), memory.stats()};
}

}  // namespace owl3::server
