// libwebp's demuxer, owned, and what stills and animations ask it alike.
#pragma once

#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>

#include "media/decode_formats.h"

namespace owl3::webp {

struct DeleteDemuxer {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};
using Demuxer = std::unique_ptr<WebPDemuxer, DeleteDemuxer>;

struct FrameIterator : WebPIterator {
  FrameIterator() : WebPIterator{} {}
  ~FrameIterator() { WebPDemuxReleaseIterator(this); }
  FrameIterator(const FrameIterator&) = delete;
  FrameIterator& operator=(const FrameIterator&) = delete;
};

/// Of the EXIF chunk; 1 without.
int read_orientation(const WebPDemuxer* demuxer);

}  // namespace owl3::webp
