DROP TABLE camera_report;
DROP TABLE recorder;
