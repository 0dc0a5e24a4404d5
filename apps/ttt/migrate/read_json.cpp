#include "read_json.h"

#include <nlohmann/json.hpp>

#include "ttt/formats/config_reader.h"
#include "ttt/formats/mapped_file.h"

namespace ttt::app {

nlohmann::ordered_json parse_json(std::string_view text, const std::string& where) {
  ConfigReader::parse(text, where);
  return nlohmann::ordered_json::parse(text);
}

nlohmann::ordered_json read_json(const std::filesystem::path& file) {
  const auto mapped = MappedFile::open(file);
  return parse_json({reinterpret_cast<const char*>(mapped.data().get()), mapped.size()}, file.string());
}

}  // namespace ttt::app
