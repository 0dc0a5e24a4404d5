#include "text.h"

#include "ttt/core/error.h"

namespace ttt::app {

std::unique_ptr<Text> open_text(const Checkpoint& checkpoint) {
  throw Error(checkpoint.path.string(), "this ttt was built without the text component; give token ids with --ids");
}

}  // namespace ttt::app
