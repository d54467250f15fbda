#include "measurements.hpp"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace gpuhours::profile {
namespace {

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

/// Empty for a figure that was not taken.
std::string or_empty(double value, int digits) { return value > 0 ? fixed(value, digits) : ""; }

std::string three(const std::array<std::int32_t, 3>& of) {
  if (of[0] == 0) return "";
  return std::to_string(of[0]) + "x" + std::to_string(of[1]) + "x" + std::to_string(of[2]);
}

class Row {
 public:
  Row& field(std::string_view text) {
    if (!first_) text_ += ',';
    first_ = false;
    text_ += csv_field(text);
    return *this;
  }
  std::string line() const { return text_ + "\n"; }

 private:
  std::string text_;
  bool first_ = true;
};

std::string version_text(int version) {  // 13000 is 13.0
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

}  // namespace

std::string uuid_text(const cudaUUID_t& uuid) {
  std::string text = "GPU-";
  for (int i = 0; i < 16; ++i) {
    char byte[4];
    std::snprintf(byte, sizeof(byte), "%02x", static_cast<unsigned char>(uuid.bytes[i]));
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += byte;
  }
  return text;
}

Origin origin_of(const Bench& bench, const Nvml& nvml) {
  Origin origin;
  origin.gpu = bench.device.name;
  origin.uuid = uuid_text(bench.device.uuid);
  origin.sms = bench.sms();
  int runtime = 0, driver = 0;
  GPUHOURS_CHECK(cudaRuntimeGetVersion(&runtime));
  GPUHOURS_CHECK(cudaDriverGetVersion(&driver));
  origin.toolkit = version_text(runtime);
  origin.driver = nvml.driver().empty() ? "CUDA " + version_text(driver) : nvml.driver();
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  char date[16];
  std::strftime(date, sizeof(date), "%Y-%m-%d", gmtime_r(&now, &utc));
  origin.date = date;
  return origin;
}

std::string measurements_header() {
  std::string text = "id,gpu,uuid,sms,driver,toolkit,date";
  for (std::size_t i = 1; i + 1 < kColumns; ++i) text += "," + std::string(kColumnNames[i]);
  return text +
         ",time_us,min_us,max_us,p10_us,p90_us,span_us,kernels,calls,flops,bytes,tflops,gbps,kernel,grid,block,"
         "registers,"
         "shared_memory,sm_clock_mhz,power_w,sustained_time_us,sustained_clock_mhz,sustained_power_w,note\n";
}

std::string measurements_row(const Origin& origin, const PlanRow& row, const Measured& measured) {
  Row out;
  out.field(row[Column::kId]).field(origin.gpu).field(origin.uuid).field(std::to_string(origin.sms));
  out.field(origin.driver).field(origin.toolkit).field(origin.date);
  for (std::size_t i = 1; i + 1 < kColumns; ++i) out.field(row.text[i]);
  const Summary& s = measured.summary;
  if (measured.good) {
    const bool rate = row.op() != "launch_gap" && s.time_us > 0;
    out.field(fixed(s.time_us, 3)).field(fixed(s.min_us, 3)).field(fixed(s.max_us, 3)).field(fixed(s.p10_us, 3));
    out.field(fixed(s.p90_us, 3)).field(fixed(s.span_us, 3)).field(fixed(s.kernels, 0)).field(std::to_string(s.n));
    out.field(or_empty(measured.flops, 0)).field(or_empty(measured.bytes, 0));
    out.field(rate ? or_empty(measured.flops / s.time_us * 1e-6, 2) : "");
    out.field(rate ? or_empty(measured.bytes / s.time_us * 1e-3, 1) : "");
  } else {
    for (int i = 0; i < 12; ++i) out.field("");
  }
  out.field(measured.kernel).field(three(measured.grid)).field(three(measured.block));
  out.field(measured.registers > 0 ? std::to_string(measured.registers) : "");
  out.field(measured.grid[0] > 0 ? std::to_string(measured.shared_memory) : "");
  out.field(or_empty(measured.sm_clock_mhz, 0)).field(or_empty(measured.power_w, 1));
  out.field(or_empty(measured.sustained_time_us, 3)).field(or_empty(measured.sustained_clock_mhz, 0));
  out.field(or_empty(measured.sustained_power_w, 1)).field(measured.note);
  return out.line();
}

std::string write_whole(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".part";
  std::FILE* file = std::fopen(temporary.c_str(), "wb");
  if (file == nullptr) return temporary + ": " + std::strerror(errno);
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = std::fclose(file) == 0;
  if (written && closed && std::rename(temporary.c_str(), path.c_str()) == 0) return "";
  const std::string reason = path + ": " + std::strerror(errno);
  std::remove(temporary.c_str());
  return reason;
}

}  // namespace gpuhours::profile
