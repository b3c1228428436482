// POST /api/chat and /api/generate: what Ollama's clients send, read and checked.
#pragma once

#include <string>
#include <string_view>

#include "server/question.h"

namespace owl3::server {

enum class OllamaCall { kChat, kGenerate };

struct OllamaRequest {
  Question question;
  std::string called;   // the model, by the client
  bool asks = true;     // false: only to have the model loaded, or unloaded
  bool unload = false;  // keep_alive is 0
};

/// The images of a message stand before its text (media_layout.h). Fields it doesn't know are
/// ignored; those that ask for what the server can't do are refused by name. Throws RequestError.
OllamaRequest read_ollama_request(OllamaCall call, std::string_view body,
                                  const RequestContext& context, const RequestLimits& limits);

/// The model that a request names, "owlet:latest" or "owlet"; empty where it names none.
std::string ollama_model_name(std::string_view body);

}  // namespace owl3::server
