BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE answer (
	id INTEGER NOT NULL, 
	session_id INTEGER NOT NULL, 
	question TEXT NOT NULL, 
	text TEXT NOT NULL, 
	personal BOOLEAN NOT NULL, 
	answered_at DATETIME NOT NULL, 
	CONSTRAINT pk_answer PRIMARY KEY (id), 
	CONSTRAINT fk_answer_session_id FOREIGN KEY(session_id) REFERENCES session (id), 
	CONSTRAINT uq_answer_session_id_question UNIQUE (session_id, question)
);
INSERT INTO "answer" VALUES(1,1,'ears','yes',0,'2026-11-26 03:39:02.094295');
INSERT INTO "answer" VALUES(2,1,'age','33',1,'2026-11-26 03:39:02.274997');
INSERT INTO "answer" VALUES(3,1,'remarks','=1+1',0,'2026-11-26 03:39:02.275005');
INSERT INTO "answer" VALUES(4,2,'ears','yes',0,'2026-11-26 03:39:02.303875');
INSERT INTO "answer" VALUES(5,2,'age','33',1,'2026-11-26 03:39:02.404428');
INSERT INTO "answer" VALUES(6,2,'remarks','=1+1',0,'2026-11-26 03:39:02.404435');
INSERT INTO "answer" VALUES(7,3,'ears','yes',0,'2026-11-26 03:39:02.420400');
INSERT INTO "answer" VALUES(8,3,'age','33',1,'2026-11-26 03:39:02.529438');
INSERT INTO "answer" VALUES(9,3,'remarks','=1+1',0,'2026-11-26 03:39:02.529453');
INSERT INTO "answer" VALUES(10,4,'ears','yes',0,'2026-11-26 03:39:02.567098');
CREATE TABLE clip (
	id INTEGER NOT NULL, 
	item_id INTEGER NOT NULL, 
	condition_id INTEGER NOT NULL, 
	role TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	media_sha256 TEXT NOT NULL, 
	samples_sha256 TEXT NOT NULL, 
	rate_hz INTEGER NOT NULL, 
	frames INTEGER NOT NULL, 
	channels INTEGER NOT NULL, 
	lufs FLOAT NOT NULL, 
	gain_db FLOAT NOT NULL, 
	true_peak_dbtp FLOAT NOT NULL, 
	provenance JSON NOT NULL, 
	CONSTRAINT pk_clip PRIMARY KEY (id), 
	CONSTRAINT ck_clip_ck_clip_role CHECK (role IN ('reference', 'hidden_reference', 'anchor', 'system', 'mixture')), 
	CONSTRAINT fk_clip_condition_id FOREIGN KEY(condition_id) REFERENCES condition (id), 
	CONSTRAINT fk_clip_item_id FOREIGN KEY(item_id) REFERENCES item (id), 
	CONSTRAINT uq_clip_item_id_condition_id_role UNIQUE (item_id, condition_id, role)
);
INSERT INTO "clip" VALUES(1,1,1,'reference','0cbeb6a5a74ab61320f0f9fb5dd59bfde7f6a7b32918820354cb68df8d187035','28383e1ce7a39a7c6762fb5a832734b917447c2c78e165d0ab23cda78b19c7e6','60348ad6ccbb4d529e855e71259b418e03cf8556eb160e365676563a61635359',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(2,1,1,'hidden_reference','0cbeb6a5a74ab61320f0f9fb5dd59bfde7f6a7b32918820354cb68df8d187035','28383e1ce7a39a7c6762fb5a832734b917447c2c78e165d0ab23cda78b19c7e6','60348ad6ccbb4d529e855e71259b418e03cf8556eb160e365676563a61635359',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(3,1,2,'anchor','297d0c700ef11faeb3c53a71f6dbecce098bcb4714b8fa9ca4155094ed4999ae','7b0ca264439fa27e342415ea2cce0b64d457a6b52c28285536b093ab8425c875','4f9d70d5d694430bbaaf87487bb8c78da8ecd3c1aae0f0fc9bd34a9f5577d0ac',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(4,1,3,'anchor','6351ccceb90eb4d3c1ff46fca7e60e1225e5c06267f4583c622b576f38f513c6','b9fb59ae9f8f038a6a4edd502d5715d31ddb38733efea232b77bad125f7f6e20','00cbee4f1572fb8a259ff1a4a4ad0b8ea8f62cff421ab78b8f6f1662f1bea072',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(5,1,4,'system','7bfdbc4de348b60c78838962767de861ab192bc7ea9250e473d8d4d1e7364f57','f73757fce15289376162ca26a059414701e17d532dc9c9b462b8bc472c8a4abf','04da2b4c2029fc6cc7dc5b61be1a199ed4568c758ff4daadce5c6d1d28f30918',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(6,1,5,'system','42d3aee67b7f223d5a851d588979cb05cc72a1ad562d5c894206e5b03d74a842','c0b9a7cd8d12303fdef19e640f6042a9be240ebb87dcce114c7297b96827f3f5','d6a663643b2d41180dc1ce66634442c3d4c0b26abccc47abb7b0f301f3dc09c7',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(7,1,6,'mixture','b217b54fc38134362294923c1b54ba28bf6c67062da5592b15862e13e6abccf0','e95a2ca2e7679c051c3f8630198e36a8a58aa9d9441d834f180437b22a0f6232','a096c69241c409cde87eaf08fede9033688c6e5302409c70c7bd4ff703379cf5',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(8,2,1,'reference','ef77529662d0fcc5439233598f3942fd063f6c01b5733e340c5933fcccddc816','a867502e5919481d0dc1caba77d1a05288334f7402ec6abe8edaf16c000bd690','c1743f4f0dd3dcda1f9cd84702fef36d3c5855ddf6b47f9f93b2fef83f3f941e',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(9,2,1,'hidden_reference','ef77529662d0fcc5439233598f3942fd063f6c01b5733e340c5933fcccddc816','a867502e5919481d0dc1caba77d1a05288334f7402ec6abe8edaf16c000bd690','c1743f4f0dd3dcda1f9cd84702fef36d3c5855ddf6b47f9f93b2fef83f3f941e',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(10,2,2,'anchor','9108063d991de229c6f788bd147e56546c31392d83cd8f3d6d818e2d59f7a0dd','651cf3eb1237edb9a3b0d0d701bee1093df5a5738cac073f70753d08aa209164','10919985e7df278c390dae90f919c948661e836eacc3d82b1ae015f22a185527',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(11,2,3,'anchor','9f030f947193f1dc962a6b8731f859816323dea374c3184fea3dfb6eb66f2d83','a4d555c539a98d4e8118be4d2e05134f64bca7810e19abfdc68724e77b33f21c','c554a56a0560020db9ac6da9121eddf4a70d9bdceef46f9595d151202b25ee95',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(12,2,4,'system','7ded450b141e5aa63e6d79f6d5453a3dc68a3de0b9b19276fe8eaec573ee9a40','e48cfbb63381d7b57f9af1c13bf12532e3f20bce6d49b1bfb9043f2ec77636ab','a988abc5bbe11b6c761830bbf4e1fd7497969a529bd01b036c83ec0af2ef46b9',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(13,2,5,'system','1226bcb7ef1989965da780291558c0b3854dc59e216559e64c1b846a6b4b4674','eb6876db62fdf101e2053f217127728f506b6cbf3d07d2e5959365ba42911652','43f0909874fc8dbd673c108ee914e9dd8670ab8578b77f0f4d773b5f2bdcda06',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(14,2,6,'mixture','5c8a9d6ec687aa27bb5c1ba0b21a1982cba22dc4ec6d0f759c164c1af68627af','4e6ca96ad2beb637ac4597533b940b01d0bd8a96452f2043b400beeb2c385c56','5640dd12c707911259236daa5697e2b75278d0d77b934efb476b3e466f7e5972',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(15,3,1,'reference','d3d94d1639d055c6029c875ab1387b332b60fbf99284de81c95a59068bc44173','f4dc0da0b4c7ee6c8e31dea1c97eff58e842559fc8a12007a13479555dd6360e','81dfec30663e9a152c32cbe855d1b3ee9de786de0d0d082062616bc406139713',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(16,3,1,'hidden_reference','d3d94d1639d055c6029c875ab1387b332b60fbf99284de81c95a59068bc44173','f4dc0da0b4c7ee6c8e31dea1c97eff58e842559fc8a12007a13479555dd6360e','81dfec30663e9a152c32cbe855d1b3ee9de786de0d0d082062616bc406139713',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(17,3,2,'anchor','b14079791a25409a288ca6ec5b1c1f292ff1b951a94cdcc588fab98abfb056a5','70a985cd8c17c196d256fdaf6fab362333e1b17de5628dd90cffa5e6ac803bdf','54a1dac8a18e904808d59cdc0f3bd558e1d34c9dc99ef4bcfcd241b3a8870686',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(18,3,3,'anchor','bf09b4426b9e860ed9c4eaa83ffc9b17eba74414ccab2dc6768bf9f8282d64e7','505534b2ac3f59c772ab9e2c8c4c88d4c46b8ca256cef5eac38ba55d6097f443','9f1035c44acb792de7e2056893ee331b72942a83c2ebf505345964ab289fe969',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(19,3,4,'system','9f50c8759f5b79003b328d99e33e6811c6799ff87a5041260c603bd4179c18ac','2766c6efade56bf4d76f9103d4145ea56a610dd2882bd0211f63e1a4897676ca','1b00dcbd5bdcbb8ea5fbf57c1db4abbdcf8674a73138066db203af48e20ee977',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(20,3,5,'system','5f36eb4f8a427e90935e91d5fea03873c903ae5919081e500dbc5ae2e3d6b570','d1c588798f0ee6c8e0f72d0267345992a44c9dfe5072c576ed983d0fcd872266','3f003849173a717ca0f2b450c5d7a410fea8f7d69160d4209ba13f7b1efa34fd',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
INSERT INTO "clip" VALUES(21,3,6,'mixture','50618b745224045b1036031bc83dd4bdfc8edca9d2a755659fbeb62af22e32c0','054ffe14a40aece081fc40ccf15777035908b32c127f5ed2734189428f50e3b3','d67202882368613a0ff2d925781d893594d439c0519fb2eec0f38ca93fe5e7c9',44100,44100,2,-23.0,-3.0,-6.0,'{"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}');
CREATE TABLE condition (
	id INTEGER NOT NULL, 
	study_version_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	version TEXT NOT NULL, 
	CONSTRAINT pk_condition PRIMARY KEY (id), 
	CONSTRAINT fk_condition_study_version_id FOREIGN KEY(study_version_id) REFERENCES study_version (id), 
	CONSTRAINT uq_condition_study_version_id_name UNIQUE (study_version_id, name)
);
INSERT INTO "condition" VALUES(1,1,1,'reference','made','1');
INSERT INTO "condition" VALUES(2,1,2,'lowpass-3500','made','1');
INSERT INTO "condition" VALUES(3,1,3,'lowpass-7000','made','1');
INSERT INTO "condition" VALUES(4,1,4,'zebra-net','made','1');
INSERT INTO "condition" VALUES(5,1,5,'quokka-sep','made','1');
INSERT INTO "condition" VALUES(6,1,6,'mixture-open','made','1');
CREATE TABLE event (
	id INTEGER NOT NULL, 
	save_id INTEGER NOT NULL, 
	at_s FLOAT NOT NULL, 
	kind TEXT NOT NULL, 
	slot_id INTEGER, 
	value FLOAT, 
	CONSTRAINT pk_event PRIMARY KEY (id), 
	CONSTRAINT fk_event_save_id FOREIGN KEY(save_id) REFERENCES save (id), 
	CONSTRAINT fk_event_slot_id FOREIGN KEY(slot_id) REFERENCES slot (id)
);
INSERT INTO "event" VALUES(1,1,1.5,'play',3,NULL);
INSERT INTO "event" VALUES(2,2,1.5,'play',10,NULL);
INSERT INTO "event" VALUES(3,3,1.5,'play',17,NULL);
INSERT INTO "event" VALUES(4,4,1.5,'play',24,NULL);
INSERT INTO "event" VALUES(5,5,1.5,'play',31,NULL);
INSERT INTO "event" VALUES(6,6,1.5,'play',38,NULL);
INSERT INTO "event" VALUES(7,7,1.5,'play',45,NULL);
INSERT INTO "event" VALUES(8,8,1.5,'play',52,NULL);
INSERT INTO "event" VALUES(9,9,1.5,'play',59,NULL);
INSERT INTO "event" VALUES(10,10,1.5,'play',66,NULL);
CREATE TABLE item (
	id INTEGER NOT NULL, 
	study_version_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	song TEXT NOT NULL, 
	start_s FLOAT NOT NULL, 
	length_s FLOAT NOT NULL, 
	target TEXT NOT NULL, 
	dataset TEXT NOT NULL, 
	use TEXT NOT NULL, 
	CONSTRAINT pk_item PRIMARY KEY (id), 
	CONSTRAINT ck_item_ck_item_use CHECK (use IN ('test', 'training', 'both')), 
	CONSTRAINT fk_item_study_version_id FOREIGN KEY(study_version_id) REFERENCES study_version (id), 
	CONSTRAINT uq_item_study_version_id_name UNIQUE (study_version_id, name)
);
INSERT INTO "item" VALUES(1,1,1,'Walrus 0','Walrus 0',0.0,1.0,'accompaniment','yonder','training');
INSERT INTO "item" VALUES(2,1,2,'Walrus 1','Walrus 1',1.0,1.0,'accompaniment','yonder','test');
INSERT INTO "item" VALUES(3,1,3,'Walrus 2','Walrus 2',2.0,1.0,'accompaniment','yonder','test');
CREATE TABLE job (
	id INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	argv JSON NOT NULL, 
	status TEXT NOT NULL, 
	output TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	started_at DATETIME, 
	ended_at DATETIME, 
	CONSTRAINT pk_job PRIMARY KEY (id), 
	CONSTRAINT ck_job_ck_job_status CHECK (status IN ('waiting', 'running', 'done', 'failed'))
);
CREATE TABLE listener (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	pseudonym TEXT NOT NULL, 
	listener_group TEXT NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	code TEXT NOT NULL, 
	CONSTRAINT pk_listener PRIMARY KEY (id), 
	CONSTRAINT fk_listener_study_id FOREIGN KEY(study_id) REFERENCES study (id), 
	CONSTRAINT uq_listener_code UNIQUE (code), 
	CONSTRAINT uq_listener_study_id_pseudonym UNIQUE (study_id, pseudonym)
);
INSERT INTO "listener" VALUES(1,1,'L-6VWK6L','',0,'7MY74NCYE9');
INSERT INTO "listener" VALUES(2,1,'L-DWMTXJ','',0,'KL47ZVSJVV');
INSERT INTO "listener" VALUES(3,1,'L-8AJLSR','',0,'LTSN379X5W');
INSERT INTO "listener" VALUES(4,1,'L-9FVLED','',0,'CEUMT8BXDS');
CREATE TABLE response (
	id INTEGER NOT NULL, 
	save_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	slot_id INTEGER, 
	scale_id INTEGER NOT NULL, 
	minimum FLOAT, 
	maximum FLOAT, 
	number FLOAT, 
	text TEXT, 
	chosen_slot_id INTEGER, 
	moved BOOLEAN, 
	heard_s FLOAT, 
	plays INTEGER, 
	CONSTRAINT pk_response PRIMARY KEY (id), 
	CONSTRAINT ck_response_ck_response_one_value CHECK ((number IS NOT NULL AND text IS NULL AND chosen_slot_id IS NULL) OR (number IS NULL AND text IS NOT NULL AND chosen_slot_id IS NULL) OR (number IS NULL AND text IS NULL AND chosen_slot_id IS NOT NULL)), 
	CONSTRAINT ck_response_ck_response_range CHECK (number IS NULL OR (minimum IS NOT NULL AND maximum IS NOT NULL AND number BETWEEN minimum AND maximum)), 
	CONSTRAINT fk_response_chosen_slot_id_trial_id FOREIGN KEY(chosen_slot_id, trial_id) REFERENCES slot (id, trial_id), 
	CONSTRAINT fk_response_save_id_trial_id FOREIGN KEY(save_id, trial_id) REFERENCES save (id, trial_id), 
	CONSTRAINT fk_response_scale_range FOREIGN KEY(scale_id, minimum, maximum) REFERENCES scale (id, minimum, maximum), 
	CONSTRAINT fk_response_slot_id_trial_id FOREIGN KEY(slot_id, trial_id) REFERENCES slot (id, trial_id), 
	CONSTRAINT fk_response_trial_id_scale_id FOREIGN KEY(trial_id, scale_id) REFERENCES trial_scale (trial_id, scale_id), 
	CONSTRAINT uq_response_save_id_slot_id_scale_id UNIQUE (save_id, slot_id, scale_id)
);
INSERT INTO "response" VALUES(1,1,1,3,1,0.0,100.0,10.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(2,1,1,4,1,0.0,100.0,20.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(3,1,1,5,1,0.0,100.0,30.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(4,1,1,6,1,0.0,100.0,40.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(5,1,1,7,1,0.0,100.0,50.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(6,2,2,10,1,0.0,100.0,10.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(7,2,2,11,1,0.0,100.0,20.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(8,2,2,12,1,0.0,100.0,30.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(9,2,2,13,1,0.0,100.0,40.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(10,2,2,14,1,0.0,100.0,50.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(11,3,3,17,1,0.0,100.0,10.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(12,3,3,18,1,0.0,100.0,20.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(13,3,3,19,1,0.0,100.0,30.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(14,3,3,20,1,0.0,100.0,40.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(15,3,3,21,1,0.0,100.0,50.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(16,4,4,24,1,0.0,100.0,10.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(17,4,4,25,1,0.0,100.0,20.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(18,4,4,26,1,0.0,100.0,30.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(19,4,4,27,1,0.0,100.0,40.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(20,4,4,28,1,0.0,100.0,50.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(21,5,5,31,1,0.0,100.0,10.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(22,5,5,32,1,0.0,100.0,20.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(23,5,5,33,1,0.0,100.0,30.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(24,5,5,34,1,0.0,100.0,40.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(25,5,5,35,1,0.0,100.0,50.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(26,6,6,38,1,0.0,100.0,10.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(27,6,6,39,1,0.0,100.0,20.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(28,6,6,40,1,0.0,100.0,30.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(29,6,6,41,1,0.0,100.0,40.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(30,6,6,42,1,0.0,100.0,50.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(31,7,7,45,1,0.0,100.0,10.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(32,7,7,46,1,0.0,100.0,20.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(33,7,7,47,1,0.0,100.0,30.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(34,7,7,48,1,0.0,100.0,40.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(35,7,7,49,1,0.0,100.0,50.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(36,8,8,52,1,0.0,100.0,10.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(37,8,8,53,1,0.0,100.0,20.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(38,8,8,54,1,0.0,100.0,30.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(39,8,8,55,1,0.0,100.0,40.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(40,8,8,56,1,0.0,100.0,50.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(41,9,9,59,1,0.0,100.0,10.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(42,9,9,60,1,0.0,100.0,20.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(43,9,9,61,1,0.0,100.0,30.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(44,9,9,62,1,0.0,100.0,40.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(45,9,9,63,1,0.0,100.0,50.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(46,10,10,66,1,0.0,100.0,10.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(47,10,10,67,1,0.0,100.0,20.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(48,10,10,68,1,0.0,100.0,30.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(49,10,10,69,1,0.0,100.0,40.0,NULL,NULL,1,1.5,2);
INSERT INTO "response" VALUES(50,10,10,70,1,0.0,100.0,50.0,NULL,NULL,1,1.5,2);
CREATE TABLE save (
	id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	comment TEXT NOT NULL, 
	trial_s FLOAT NOT NULL, 
	engine TEXT NOT NULL, 
	fade_mode TEXT NOT NULL, 
	rate_hz INTEGER NOT NULL, 
	base_latency_s FLOAT, 
	output_latency_s FLOAT, 
	user_agent TEXT NOT NULL, 
	saved_at DATETIME NOT NULL, 
	CONSTRAINT pk_save PRIMARY KEY (id), 
	CONSTRAINT fk_save_trial_id FOREIGN KEY(trial_id) REFERENCES trial (id), 
	CONSTRAINT uq_save_id_trial_id UNIQUE (id, trial_id), 
	CONSTRAINT uq_save_key UNIQUE ("key"), 
	CONSTRAINT uq_save_trial_id_revision UNIQUE (trial_id, revision)
);
INSERT INTO "save" VALUES(1,1,'4a26b2cf93b043c69c9a5c4158b6e176',1,'',30.5,'audioworklet','bs1534',44100,0.01,NULL,'a test','2026-11-26 03:39:02.180959');
INSERT INTO "save" VALUES(2,2,'d23f9e0bda1e42438845319109006927',1,'',30.5,'audioworklet','bs1534',44100,0.01,NULL,'a test','2026-11-26 03:39:02.230792');
INSERT INTO "save" VALUES(3,3,'6161284727784f3aab80642db7c17160',1,'',30.5,'audioworklet','bs1534',44100,0.01,NULL,'a test','2026-11-26 03:39:02.260724');
INSERT INTO "save" VALUES(4,4,'b6518beab6444c0490563428bf087972',1,'',30.5,'audioworklet','bs1534',44100,0.01,NULL,'a test','2026-11-26 03:39:02.332732');
INSERT INTO "save" VALUES(5,5,'74bb3e60ec614629a61ba7855b9a2b7c',1,'',30.5,'audioworklet','bs1534',44100,0.01,NULL,'a test','2026-11-26 03:39:02.362316');
INSERT INTO "save" VALUES(6,6,'44394af2a279460996da937c633eef79',1,'',30.5,'audioworklet','bs1534',44100,0.01,NULL,'a test','2026-11-26 03:39:02.379083');
INSERT INTO "save" VALUES(7,7,'3208a953970a45758e3b2b5d92f96647',1,'',30.5,'audioworklet','bs1534',44100,0.01,NULL,'a test','2026-11-26 03:39:02.455206');
INSERT INTO "save" VALUES(8,8,'8e3350c30c9b48a4b4377c69d15f38e6',1,'',30.5,'audioworklet','bs1534',44100,0.01,NULL,'a test','2026-11-26 03:39:02.480306');
INSERT INTO "save" VALUES(9,9,'979a2f8f41cd459f8ecaddf1a55fd142',1,'',30.5,'audioworklet','bs1534',44100,0.01,NULL,'a test','2026-11-26 03:39:02.506515');
INSERT INTO "save" VALUES(10,10,'b8d8013409bb42b3971418605a7ede5f',1,'',30.5,'audioworklet','bs1534',44100,0.01,NULL,'a test','2026-11-26 03:39:02.604903');
CREATE TABLE scale (
	id INTEGER NOT NULL, 
	study_version_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	question TEXT NOT NULL, 
	labels JSON NOT NULL, 
	minimum FLOAT, 
	maximum FLOAT, 
	CONSTRAINT pk_scale PRIMARY KEY (id), 
	CONSTRAINT ck_scale_ck_scale_range CHECK ((minimum IS NULL) = (maximum IS NULL) AND minimum < maximum), 
	CONSTRAINT fk_scale_study_version_id FOREIGN KEY(study_version_id) REFERENCES study_version (id), 
	CONSTRAINT uq_scale_id_minimum_maximum UNIQUE (id, minimum, maximum), 
	CONSTRAINT uq_scale_study_version_id_name UNIQUE (study_version_id, name)
);
INSERT INTO "scale" VALUES(1,1,1,'overall','How good is the overall quality?','["Bad", "Poor", "Fair", "Good", "Excellent"]',0.0,100.0);
CREATE TABLE script_error (
	id INTEGER NOT NULL, 
	session_id INTEGER NOT NULL, 
	reported_at DATETIME NOT NULL, 
	user_agent TEXT NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_script_error PRIMARY KEY (id), 
	CONSTRAINT fk_script_error_session_id FOREIGN KEY(session_id) REFERENCES session (id)
);
CREATE TABLE session (
	id INTEGER NOT NULL, 
	listener_id INTEGER NOT NULL, 
	study_version_id INTEGER NOT NULL, 
	token_sha256 TEXT NOT NULL, 
	seed BIGINT NOT NULL, 
	transducer TEXT NOT NULL, 
	user_agent TEXT NOT NULL, 
	consent_at DATETIME NOT NULL, 
	consent_sha256 TEXT NOT NULL, 
	started_at DATETIME NOT NULL, 
	finished_at DATETIME, 
	status TEXT NOT NULL, 
	read_to INTEGER NOT NULL, 
	CONSTRAINT pk_session PRIMARY KEY (id), 
	CONSTRAINT ck_session_ck_session_status CHECK (status IN ('started', 'finished', 'withdrawn')), 
	CONSTRAINT fk_session_listener_id FOREIGN KEY(listener_id) REFERENCES listener (id), 
	CONSTRAINT fk_session_study_version_id FOREIGN KEY(study_version_id) REFERENCES study_version (id), 
	CONSTRAINT uq_session_token_sha256 UNIQUE (token_sha256)
);
INSERT INTO "session" VALUES(1,1,1,'cf190746ae4ba20e7639bb2e8e1531847336a76ae5a623668efa8fe19d04bf77',6646263125708690181,'headphones','a test','2026-11-26 03:39:01.895480','1ef70e0cc4382d00b8922b567a1132064f03677b6e8a7e3d871025513654a2c8','2026-11-26 03:39:01.895480','2026-11-26 03:39:02.276661','finished',2);
INSERT INTO "session" VALUES(2,2,1,'add84ac2497bf0366baaa94c3703201d52cacf5add04d40685da9c1151c92a97',5429941104569779905,'headphones','a test','2026-11-26 03:39:01.958138','1ef70e0cc4382d00b8922b567a1132064f03677b6e8a7e3d871025513654a2c8','2026-11-26 03:39:01.958138','2026-11-26 03:39:02.405756','finished',2);
INSERT INTO "session" VALUES(3,3,1,'28b17759643d4ecd198bf0ddebabbb587f4b86fb3e2da052b86ea3e6ec7e792b',2492870471457518961,'headphones','a test','2026-11-26 03:39:01.997486','1ef70e0cc4382d00b8922b567a1132064f03677b6e8a7e3d871025513654a2c8','2026-11-26 03:39:01.997486','2026-11-26 03:39:02.530459','finished',2);
INSERT INTO "session" VALUES(4,4,1,'3ded78fb4fd42cb1e6a3c42d6ab1c2fc9b4f6fa07d0a1cf2ccb9e656cffb4b30',2471807678623729516,'headphones','a test','2026-11-26 03:39:02.031435','1ef70e0cc4382d00b8922b567a1132064f03677b6e8a7e3d871025513654a2c8','2026-11-26 03:39:02.031435',NULL,'started',1);
CREATE TABLE slot (
	id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	hidden BOOLEAN NOT NULL, 
	clip_id INTEGER NOT NULL, 
	token TEXT NOT NULL, 
	CONSTRAINT pk_slot PRIMARY KEY (id), 
	CONSTRAINT fk_slot_clip_id FOREIGN KEY(clip_id) REFERENCES clip (id), 
	CONSTRAINT fk_slot_trial_id FOREIGN KEY(trial_id) REFERENCES trial (id), 
	CONSTRAINT uq_slot_id_trial_id UNIQUE (id, trial_id), 
	CONSTRAINT uq_slot_token UNIQUE (token), 
	CONSTRAINT uq_slot_trial_id_hidden_position UNIQUE (trial_id, hidden, position)
);
INSERT INTO "slot" VALUES(1,1,1,0,1,'ppgxMgiTySpT3pH89oUhCQ');
INSERT INTO "slot" VALUES(2,1,2,0,7,'0K89Til2iYhNRdBPjA3lCA');
INSERT INTO "slot" VALUES(3,1,1,1,6,'4hMQvz-NsPgbsUNRz29RJA');
INSERT INTO "slot" VALUES(4,1,2,1,3,'d57G-QZHgGG8XJctRoI45Q');
INSERT INTO "slot" VALUES(5,1,3,1,4,'HLbVg39teZzVodeilkdeoA');
INSERT INTO "slot" VALUES(6,1,4,1,2,'okYTPEMNCdGbwD5oQlPO3A');
INSERT INTO "slot" VALUES(7,1,5,1,5,'P8Z1KKRXTD4W3sSV-6ISWg');
INSERT INTO "slot" VALUES(8,2,1,0,15,'fnoGlYGDojXSglpJzu1Baw');
INSERT INTO "slot" VALUES(9,2,2,0,21,'oq1rAHl4d_oUbEiFkzNyiw');
INSERT INTO "slot" VALUES(10,2,1,1,20,'OgEAuUVymvVjDRmQWNzbbg');
INSERT INTO "slot" VALUES(11,2,2,1,18,'62HypspaEieXmSdjlLQUMA');
INSERT INTO "slot" VALUES(12,2,3,1,17,'vcBPoAeeRLmXxzb7kt_HGQ');
INSERT INTO "slot" VALUES(13,2,4,1,19,'UzdJZvtBxdgYLq2FjARqfA');
INSERT INTO "slot" VALUES(14,2,5,1,16,'L6tKxAQz2Xib6LRaSp0kZQ');
INSERT INTO "slot" VALUES(15,3,1,0,8,'QoimJjo-d2_LzDTq_5F_Hg');
INSERT INTO "slot" VALUES(16,3,2,0,14,'-68tldajLsKmsBo1GvNVNQ');
INSERT INTO "slot" VALUES(17,3,1,1,9,'PkAIPqlw2eHhlklz-zHiVw');
INSERT INTO "slot" VALUES(18,3,2,1,12,'awDL7U4px7VXNFgO-FrQiA');
INSERT INTO "slot" VALUES(19,3,3,1,10,'oeEVYvuN9bI9rdh5hIe1Qw');
INSERT INTO "slot" VALUES(20,3,4,1,11,'gOrfnj1MHrrB5Uw8da0tVQ');
INSERT INTO "slot" VALUES(21,3,5,1,13,'CTv8Lt8NKYeiO0doLlXE3Q');
INSERT INTO "slot" VALUES(22,4,1,0,1,'H6zSV4ZxNW0ptHUHXrVXUQ');
INSERT INTO "slot" VALUES(23,4,2,0,7,'1fu5FolHbCzme4yhhEwdGw');
INSERT INTO "slot" VALUES(24,4,1,1,2,'_mocUeB-MxRNsNzBIxYZTg');
INSERT INTO "slot" VALUES(25,4,2,1,6,'77O2hF9GgqA2KPkz0dVS6g');
INSERT INTO "slot" VALUES(26,4,3,1,5,'-x_5OR7li8ggK5gRfMRv-g');
INSERT INTO "slot" VALUES(27,4,4,1,4,'UPdepWdaA3LUwlnOrxwtZA');
INSERT INTO "slot" VALUES(28,4,5,1,3,'ldPDaE6k4RvaRFiFHnqzZA');
INSERT INTO "slot" VALUES(29,5,1,0,15,'EsV1L49k1Eb1oUT1mRiNLQ');
INSERT INTO "slot" VALUES(30,5,2,0,21,'Zf6U1uBy0wbGjanzXN61SQ');
INSERT INTO "slot" VALUES(31,5,1,1,20,'iO1_5nC7AGx_Ehk_SuWAHQ');
INSERT INTO "slot" VALUES(32,5,2,1,17,'XXeffdskzzft65aFyEbMzg');
INSERT INTO "slot" VALUES(33,5,3,1,18,'YtrOs8CuiuW8ZmPKpXZdMA');
INSERT INTO "slot" VALUES(34,5,4,1,16,'8wmZDSJRLqCGAOw3hedvlw');
INSERT INTO "slot" VALUES(35,5,5,1,19,'w6TynmpZmqkYrdGaUsvGhA');
INSERT INTO "slot" VALUES(36,6,1,0,8,'YEBGYIzW58Dp7K0Jjt6bDg');
INSERT INTO "slot" VALUES(37,6,2,0,14,'tr6BFqaWcl3gfe4VfRp7lA');
INSERT INTO "slot" VALUES(38,6,1,1,12,'uSFcfbVUtztXPhRtf4qGIA');
INSERT INTO "slot" VALUES(39,6,2,1,13,'AiFIX5UpjiYejGAP1dgy1w');
INSERT INTO "slot" VALUES(40,6,3,1,11,'Sks1pqh0PcfZtoPZMQtOZw');
INSERT INTO "slot" VALUES(41,6,4,1,10,'xsViOgIPIxEGpNilF9jntA');
INSERT INTO "slot" VALUES(42,6,5,1,9,'fMSmEHOW7XM7cdkMBXhVwg');
INSERT INTO "slot" VALUES(43,7,1,0,1,'PzjuEc3wHMHqayCZhBDkBw');
INSERT INTO "slot" VALUES(44,7,2,0,7,'THmxzIYIl4JQNIaJXnu-Xg');
INSERT INTO "slot" VALUES(45,7,1,1,5,'uOM55wWfnmcEWTKkiM2g0g');
INSERT INTO "slot" VALUES(46,7,2,1,3,'yxI7TC9du-rW3YWV1TfxgA');
INSERT INTO "slot" VALUES(47,7,3,1,6,'TqE_bPfcc8-qreE4X0jvwA');
INSERT INTO "slot" VALUES(48,7,4,1,2,'qBniryvDdT3CuWjAkwNyaw');
INSERT INTO "slot" VALUES(49,7,5,1,4,'L38SKHYsZhHsrFcdVX0IBQ');
INSERT INTO "slot" VALUES(50,8,1,0,8,'IOeKnBDDkmzP6NfzZmO87A');
INSERT INTO "slot" VALUES(51,8,2,0,14,'moEnhPfseiDDnER2dj7gqA');
INSERT INTO "slot" VALUES(52,8,1,1,13,'-RH3hEcozNhOfFoHHCxopg');
INSERT INTO "slot" VALUES(53,8,2,1,10,'6O6JclKtzyV6fLWs6tL8Tw');
INSERT INTO "slot" VALUES(54,8,3,1,11,'1kHXkbeKULXqWSRB1KneBA');
INSERT INTO "slot" VALUES(55,8,4,1,9,'pDNrC8EjciCAVCpisBYs7Q');
INSERT INTO "slot" VALUES(56,8,5,1,12,'cxLzWriOSUW_Kq0cv3u5zg');
INSERT INTO "slot" VALUES(57,9,1,0,15,'yXMRyowTCE1wQ0HqMusVWA');
INSERT INTO "slot" VALUES(58,9,2,0,21,'99nnkArI9_IbOuWaYOH15w');
INSERT INTO "slot" VALUES(59,9,1,1,16,'NQ5xhyGZZRbKuXvPgIXh_g');
INSERT INTO "slot" VALUES(60,9,2,1,18,'dgExBXbSLJVUt9apH3p-Xg');
INSERT INTO "slot" VALUES(61,9,3,1,20,'93RDtttAR7pD5dh0bjTq0A');
INSERT INTO "slot" VALUES(62,9,4,1,19,'wwTjIyGkcZ7N1bvXjbBw9w');
INSERT INTO "slot" VALUES(63,9,5,1,17,'pajj_2Mc2x5nNEDmivbwkg');
INSERT INTO "slot" VALUES(64,10,1,0,1,'oyaEr6idUAYQfRR5v6GKtg');
INSERT INTO "slot" VALUES(65,10,2,0,7,'YxiMy3cL9rP59N_Pa46fKw');
INSERT INTO "slot" VALUES(66,10,1,1,6,'jW64AIAkifdrzolOVhioIQ');
INSERT INTO "slot" VALUES(67,10,2,1,2,'EUEoGIkZdtEPCxjnWpsR-A');
INSERT INTO "slot" VALUES(68,10,3,1,3,'KKKw7SM2g8apRBrnbx3GYQ');
INSERT INTO "slot" VALUES(69,10,4,1,5,'pU4z5eeIIm6jwrOHIWdqSw');
INSERT INTO "slot" VALUES(70,10,5,1,4,'-Nq10Q4rQdPFxTl902DnAQ');
INSERT INTO "slot" VALUES(71,11,1,0,15,'r-nA1OzwY_FYd7xVOeWQ8A');
INSERT INTO "slot" VALUES(72,11,2,0,21,'5XrcOC5KV66VDrbD8gcisw');
INSERT INTO "slot" VALUES(73,11,1,1,18,'2HY2usMXYeYgxDrE2I3mKg');
INSERT INTO "slot" VALUES(74,11,2,1,19,'K_IadWpeQpCL0pK2ULfN_Q');
INSERT INTO "slot" VALUES(75,11,3,1,20,'2SkA_grcr74BhvGXPLk5ig');
INSERT INTO "slot" VALUES(76,11,4,1,16,'fX5PqSWYTbrTm71itbcpnQ');
INSERT INTO "slot" VALUES(77,11,5,1,17,'KcdG-GQQPt74FdmNqRBzOA');
INSERT INTO "slot" VALUES(78,12,1,0,8,'J1gQpJwYBW8mJ4uhXuw0jQ');
INSERT INTO "slot" VALUES(79,12,2,0,14,'DfoL3nLmigts9Lj9vG6hSg');
INSERT INTO "slot" VALUES(80,12,1,1,12,'MOmZG-Wluq4llyPFctlr0w');
INSERT INTO "slot" VALUES(81,12,2,1,10,'mpYB8abiGqQRS2NEBrZCjg');
INSERT INTO "slot" VALUES(82,12,3,1,11,'kZoCdS46KdTwZ-j6Twbc5w');
INSERT INTO "slot" VALUES(83,12,4,1,13,'XNx3UmV5XIcX6wmumyhIGA');
INSERT INTO "slot" VALUES(84,12,5,1,9,'9iBDikUB1yYQ4xQO3WFQUQ');
CREATE TABLE study (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_study PRIMARY KEY (id), 
	CONSTRAINT uq_study_name UNIQUE (name)
);
INSERT INTO "study" VALUES(1,'tiny','2026-11-26 03:39:01.844243');
CREATE TABLE study_version (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	identity TEXT NOT NULL, 
	stimuli_id TEXT NOT NULL, 
	title TEXT NOT NULL, 
	experiment JSON NOT NULL, 
	manifest JSON NOT NULL, 
	published_from TEXT NOT NULL, 
	published_at DATETIME NOT NULL, 
	status TEXT NOT NULL, 
	CONSTRAINT pk_study_version PRIMARY KEY (id), 
	CONSTRAINT ck_study_version_ck_study_version_status CHECK (status IN ('open', 'superseded')), 
	CONSTRAINT fk_study_version_study_id FOREIGN KEY(study_id) REFERENCES study (id), 
	CONSTRAINT uq_study_version_study_id_identity UNIQUE (study_id, identity), 
	CONSTRAINT uq_study_version_study_id_number UNIQUE (study_id, number)
);
INSERT INTO "study_version" VALUES(1,1,1,'d41e7ac575c915567497dca9edb4b5d68db06d55139bb68a2ac58c764ba4cf5e','72ea20d42e5a367680e9ddfe7306bbe84b6b6cdd3894a570b524101b9d2a8ee2','A tiny test','{"experiment": {"name": "tiny", "title": "A tiny test", "method": "mushra", "target": "accompaniment", "contact": "lab@example.org"}, "attributes": [{"name": "overall", "question": "How good is the overall quality?", "labels": ["Bad", "Poor", "Fair", "Good", "Excellent"]}], "songs": {"layout": "musdb", "root": "songs", "resample_hz": null}, "items": [{"song": "Walrus 0", "excerpt": {"start_s": 0.0, "length_s": 1.0, "rule": null, "count": 1, "seed": 0}, "name": null, "target": null, "dataset": "yonder", "use": "training"}, {"song": "Walrus 1", "excerpt": {"start_s": 1.0, "length_s": 1.0, "rule": null, "count": 1, "seed": 0}, "name": null, "target": null, "dataset": "yonder", "use": "test"}, {"song": "Walrus 2", "excerpt": {"start_s": 2.0, "length_s": 1.0, "rule": null, "count": 1, "seed": 0}, "name": null, "target": null, "dataset": "yonder", "use": "test"}], "systems": [{"name": "zebra-net", "version": "", "kind": "centre_cancellation"}, {"name": "quokka-sep", "version": "", "kind": "centre_cancellation"}], "anchors": [{"name": "lowpass-3500", "kind": "lowpass", "cutoff_hz": 3500}, {"name": "lowpass-7000", "kind": "lowpass", "cutoff_hz": 7000}], "loudness": {"target_lufs": -23.0, "match": "item", "ceiling_dbtp": -1.0}, "test": {"references": ["reference", "mixture"], "items_per_listener": "all", "replicates": 0, "break_every": 10, "consent": "You will hear short pieces of music and rate their quality. Taking part is voluntary and you may stop at any time. Your ratings are stored under a pseudonym and are used for research."}, "questions": [{"name": "ears", "text": "Do you hear well?", "type": "choice", "choices": ["yes", "no"], "when": "before", "required": false, "personal": false}, {"name": "age", "text": "How old are you?", "type": "number", "choices": [], "when": "after", "required": false, "personal": true}, {"name": "remarks", "text": "Anything else?", "type": "text", "choices": [], "when": "after", "required": false, "personal": false}], "analysis": {"inference": "these items", "contrasts": [], "adjust": "holm", "exclude": ["bs1534-hidden-reference", "bs1534-mid-anchor"], "listeners": 20}}','{"schema_number": 2, "stimuli_id": "72ea20d42e5a367680e9ddfe7306bbe84b6b6cdd3894a570b524101b9d2a8ee2", "study_id": "d41e7ac575c915567497dca9edb4b5d68db06d55139bb68a2ac58c764ba4cf5e", "title": "A tiny test", "made_at": "2025-01-01T00:00:00Z", "versions": {}, "experiment": {"experiment": {"name": "tiny", "title": "A tiny test", "method": "mushra", "target": "accompaniment", "contact": "lab@example.org"}, "attributes": [{"name": "overall", "question": "How good is the overall quality?", "labels": ["Bad", "Poor", "Fair", "Good", "Excellent"]}], "songs": {"layout": "musdb", "root": "songs", "resample_hz": null}, "items": [{"song": "Walrus 0", "excerpt": {"start_s": 0.0, "length_s": 1.0, "rule": null, "count": 1, "seed": 0}, "name": null, "target": null, "dataset": "yonder", "use": "training"}, {"song": "Walrus 1", "excerpt": {"start_s": 1.0, "length_s": 1.0, "rule": null, "count": 1, "seed": 0}, "name": null, "target": null, "dataset": "yonder", "use": "test"}, {"song": "Walrus 2", "excerpt": {"start_s": 2.0, "length_s": 1.0, "rule": null, "count": 1, "seed": 0}, "name": null, "target": null, "dataset": "yonder", "use": "test"}], "systems": [{"name": "zebra-net", "version": "", "kind": "centre_cancellation"}, {"name": "quokka-sep", "version": "", "kind": "centre_cancellation"}], "anchors": [{"name": "lowpass-3500", "kind": "lowpass", "cutoff_hz": 3500}, {"name": "lowpass-7000", "kind": "lowpass", "cutoff_hz": 7000}], "loudness": {"target_lufs": -23.0, "match": "item", "ceiling_dbtp": -1.0}, "test": {"references": ["reference", "mixture"], "items_per_listener": "all", "replicates": 0, "break_every": 10, "consent": "You will hear short pieces of music and rate their quality. Taking part is voluntary and you may stop at any time. Your ratings are stored under a pseudonym and are used for research."}, "questions": [{"name": "ears", "text": "Do you hear well?", "type": "choice", "choices": ["yes", "no"], "when": "before", "required": false, "personal": false}, {"name": "age", "text": "How old are you?", "type": "number", "choices": [], "when": "after", "required": false, "personal": true}, {"name": "remarks", "text": "Anything else?", "type": "text", "choices": [], "when": "after", "required": false, "personal": false}], "analysis": {"inference": "these items", "contrasts": [], "adjust": "holm", "exclude": ["bs1534-hidden-reference", "bs1534-mid-anchor"], "listeners": 20}}, "renders": "renders", "items": [{"name": "Walrus 0", "song": "Walrus 0", "start_s": 0.0, "length_s": 1.0, "target": "accompaniment", "dataset": "yonder", "use": "training"}, {"name": "Walrus 1", "song": "Walrus 1", "start_s": 1.0, "length_s": 1.0, "target": "accompaniment", "dataset": "yonder", "use": "test"}, {"name": "Walrus 2", "song": "Walrus 2", "start_s": 2.0, "length_s": 1.0, "target": "accompaniment", "dataset": "yonder", "use": "test"}], "clips": [{"token": "22233f713a6593e91ad0927a", "file": "clips/22233f713a6593e91ad0927a.flac", "sha256": "0cbeb6a5a74ab61320f0f9fb5dd59bfde7f6a7b32918820354cb68df8d187035", "samples_sha256": "60348ad6ccbb4d529e855e71259b418e03cf8556eb160e365676563a61635359", "item": "Walrus 0", "condition": "reference", "role": "reference", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-reference-Walrus 0", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "2829277c2e7a523292cd266f", "file": "clips/2829277c2e7a523292cd266f.flac", "sha256": "0cbeb6a5a74ab61320f0f9fb5dd59bfde7f6a7b32918820354cb68df8d187035", "samples_sha256": "60348ad6ccbb4d529e855e71259b418e03cf8556eb160e365676563a61635359", "item": "Walrus 0", "condition": "reference", "role": "hidden_reference", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-reference-Walrus 0", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "a86594ae92ec3e8d58b93959", "file": "clips/a86594ae92ec3e8d58b93959.flac", "sha256": "297d0c700ef11faeb3c53a71f6dbecce098bcb4714b8fa9ca4155094ed4999ae", "samples_sha256": "4f9d70d5d694430bbaaf87487bb8c78da8ecd3c1aae0f0fc9bd34a9f5577d0ac", "item": "Walrus 0", "condition": "lowpass-3500", "role": "anchor", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-lowpass-3500-Walrus 0", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "b0e1a67f7c3b2edee5bf752c", "file": "clips/b0e1a67f7c3b2edee5bf752c.flac", "sha256": "6351ccceb90eb4d3c1ff46fca7e60e1225e5c06267f4583c622b576f38f513c6", "samples_sha256": "00cbee4f1572fb8a259ff1a4a4ad0b8ea8f62cff421ab78b8f6f1662f1bea072", "item": "Walrus 0", "condition": "lowpass-7000", "role": "anchor", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-lowpass-7000-Walrus 0", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "bfc865754911f365ff65cc0d", "file": "clips/bfc865754911f365ff65cc0d.flac", "sha256": "7bfdbc4de348b60c78838962767de861ab192bc7ea9250e473d8d4d1e7364f57", "samples_sha256": "04da2b4c2029fc6cc7dc5b61be1a199ed4568c758ff4daadce5c6d1d28f30918", "item": "Walrus 0", "condition": "zebra-net", "role": "system", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-zebra-net-Walrus 0", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "402b8313743b951b4a544361", "file": "clips/402b8313743b951b4a544361.flac", "sha256": "42d3aee67b7f223d5a851d588979cb05cc72a1ad562d5c894206e5b03d74a842", "samples_sha256": "d6a663643b2d41180dc1ce66634442c3d4c0b26abccc47abb7b0f301f3dc09c7", "item": "Walrus 0", "condition": "quokka-sep", "role": "system", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-quokka-sep-Walrus 0", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "0e90dc0ef237d316b3c16709", "file": "clips/0e90dc0ef237d316b3c16709.flac", "sha256": "b217b54fc38134362294923c1b54ba28bf6c67062da5592b15862e13e6abccf0", "samples_sha256": "a096c69241c409cde87eaf08fede9033688c6e5302409c70c7bd4ff703379cf5", "item": "Walrus 0", "condition": "mixture-open", "role": "mixture", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-mixture-open-Walrus 0", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "bb9f84ad24e8e3fb6a26ed52", "file": "clips/bb9f84ad24e8e3fb6a26ed52.flac", "sha256": "ef77529662d0fcc5439233598f3942fd063f6c01b5733e340c5933fcccddc816", "samples_sha256": "c1743f4f0dd3dcda1f9cd84702fef36d3c5855ddf6b47f9f93b2fef83f3f941e", "item": "Walrus 1", "condition": "reference", "role": "reference", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-reference-Walrus 1", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "978a4968b972b47a61591afc", "file": "clips/978a4968b972b47a61591afc.flac", "sha256": "ef77529662d0fcc5439233598f3942fd063f6c01b5733e340c5933fcccddc816", "samples_sha256": "c1743f4f0dd3dcda1f9cd84702fef36d3c5855ddf6b47f9f93b2fef83f3f941e", "item": "Walrus 1", "condition": "reference", "role": "hidden_reference", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-reference-Walrus 1", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "b7f62b31873971851d29f3d1", "file": "clips/b7f62b31873971851d29f3d1.flac", "sha256": "9108063d991de229c6f788bd147e56546c31392d83cd8f3d6d818e2d59f7a0dd", "samples_sha256": "10919985e7df278c390dae90f919c948661e836eacc3d82b1ae015f22a185527", "item": "Walrus 1", "condition": "lowpass-3500", "role": "anchor", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-lowpass-3500-Walrus 1", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "428915914e1c61ab36703dea", "file": "clips/428915914e1c61ab36703dea.flac", "sha256": "9f030f947193f1dc962a6b8731f859816323dea374c3184fea3dfb6eb66f2d83", "samples_sha256": "c554a56a0560020db9ac6da9121eddf4a70d9bdceef46f9595d151202b25ee95", "item": "Walrus 1", "condition": "lowpass-7000", "role": "anchor", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-lowpass-7000-Walrus 1", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "5740da8a0710151c39768d87", "file": "clips/5740da8a0710151c39768d87.flac", "sha256": "7ded450b141e5aa63e6d79f6d5453a3dc68a3de0b9b19276fe8eaec573ee9a40", "samples_sha256": "a988abc5bbe11b6c761830bbf4e1fd7497969a529bd01b036c83ec0af2ef46b9", "item": "Walrus 1", "condition": "zebra-net", "role": "system", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-zebra-net-Walrus 1", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "47ac7b52f3cde43eec0f2936", "file": "clips/47ac7b52f3cde43eec0f2936.flac", "sha256": "1226bcb7ef1989965da780291558c0b3854dc59e216559e64c1b846a6b4b4674", "samples_sha256": "43f0909874fc8dbd673c108ee914e9dd8670ab8578b77f0f4d773b5f2bdcda06", "item": "Walrus 1", "condition": "quokka-sep", "role": "system", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-quokka-sep-Walrus 1", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "f848f80e9e7f9d4f6931d2aa", "file": "clips/f848f80e9e7f9d4f6931d2aa.flac", "sha256": "5c8a9d6ec687aa27bb5c1ba0b21a1982cba22dc4ec6d0f759c164c1af68627af", "samples_sha256": "5640dd12c707911259236daa5697e2b75278d0d77b934efb476b3e466f7e5972", "item": "Walrus 1", "condition": "mixture-open", "role": "mixture", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-mixture-open-Walrus 1", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "cd24a22b806faf46a152514e", "file": "clips/cd24a22b806faf46a152514e.flac", "sha256": "d3d94d1639d055c6029c875ab1387b332b60fbf99284de81c95a59068bc44173", "samples_sha256": "81dfec30663e9a152c32cbe855d1b3ee9de786de0d0d082062616bc406139713", "item": "Walrus 2", "condition": "reference", "role": "reference", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-reference-Walrus 2", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "8520ae599b01928405a55bf7", "file": "clips/8520ae599b01928405a55bf7.flac", "sha256": "d3d94d1639d055c6029c875ab1387b332b60fbf99284de81c95a59068bc44173", "samples_sha256": "81dfec30663e9a152c32cbe855d1b3ee9de786de0d0d082062616bc406139713", "item": "Walrus 2", "condition": "reference", "role": "hidden_reference", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-reference-Walrus 2", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "1aaed659160b0caa33fd08a8", "file": "clips/1aaed659160b0caa33fd08a8.flac", "sha256": "b14079791a25409a288ca6ec5b1c1f292ff1b951a94cdcc588fab98abfb056a5", "samples_sha256": "54a1dac8a18e904808d59cdc0f3bd558e1d34c9dc99ef4bcfcd241b3a8870686", "item": "Walrus 2", "condition": "lowpass-3500", "role": "anchor", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-lowpass-3500-Walrus 2", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "e6627d97999dc75b0b168e4c", "file": "clips/e6627d97999dc75b0b168e4c.flac", "sha256": "bf09b4426b9e860ed9c4eaa83ffc9b17eba74414ccab2dc6768bf9f8282d64e7", "samples_sha256": "9f1035c44acb792de7e2056893ee331b72942a83c2ebf505345964ab289fe969", "item": "Walrus 2", "condition": "lowpass-7000", "role": "anchor", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-lowpass-7000-Walrus 2", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "79c9d9ed936c7926ec2047f9", "file": "clips/79c9d9ed936c7926ec2047f9.flac", "sha256": "9f50c8759f5b79003b328d99e33e6811c6799ff87a5041260c603bd4179c18ac", "samples_sha256": "1b00dcbd5bdcbb8ea5fbf57c1db4abbdcf8674a73138066db203af48e20ee977", "item": "Walrus 2", "condition": "zebra-net", "role": "system", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-zebra-net-Walrus 2", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "6072921d5b3d6592f73df3c7", "file": "clips/6072921d5b3d6592f73df3c7.flac", "sha256": "5f36eb4f8a427e90935e91d5fea03873c903ae5919081e500dbc5ae2e3d6b570", "samples_sha256": "3f003849173a717ca0f2b450c5d7a410fea8f7d69160d4209ba13f7b1efa34fd", "item": "Walrus 2", "condition": "quokka-sep", "role": "system", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-quokka-sep-Walrus 2", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}, {"token": "6ffc3addba5d315f6d1326a6", "file": "clips/6ffc3addba5d315f6d1326a6.flac", "sha256": "50618b745224045b1036031bc83dd4bdfc8edca9d2a755659fbeb62af22e32c0", "samples_sha256": "d67202882368613a0ff2d925781d893594d439c0519fb2eec0f38ca93fe5e7c9", "item": "Walrus 2", "condition": "mixture-open", "role": "mixture", "rate_hz": 44100, "frames": 44100, "channels": 2, "lufs_before": -20.0, "lufs_after": -23.0, "gain_db": -3.0, "true_peak_dbtp": -6.0, "sample_peak_dbfs": -6.5, "lag_s": 0.0, "polarity": 1, "render_key": "render-mixture-open-Walrus 2", "provenance": {"kind": "made", "version": "1", "parameters": {}, "weights_sha256": {}, "input_lufs": null, "device": "cpu", "seconds": null, "real_time_factor": null, "meant_for": ""}, "facts": null}], "left_out": [], "rules": []}','stimuli','2026-11-26 03:39:01.865184','open');
CREATE TABLE trial (
	id INTEGER NOT NULL, 
	session_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	block TEXT NOT NULL, 
	method TEXT NOT NULL, 
	item_id INTEGER NOT NULL, 
	replicate INTEGER NOT NULL, 
	token TEXT NOT NULL, 
	CONSTRAINT pk_trial PRIMARY KEY (id), 
	CONSTRAINT ck_trial_ck_trial_block CHECK (block IN ('training', 'test')), 
	CONSTRAINT fk_trial_item_id FOREIGN KEY(item_id) REFERENCES item (id), 
	CONSTRAINT fk_trial_session_id FOREIGN KEY(session_id) REFERENCES session (id), 
	CONSTRAINT uq_trial_session_id_position UNIQUE (session_id, position), 
	CONSTRAINT uq_trial_token UNIQUE (token)
);
INSERT INTO "trial" VALUES(1,1,1,'training','mushra',1,0,'YITEg3KgGnR2uXZB1g2Adg');
INSERT INTO "trial" VALUES(2,1,2,'test','mushra',3,0,'De4W4tYHwsOOremXB1vRoA');
INSERT INTO "trial" VALUES(3,1,3,'test','mushra',2,0,'6gLd4A9GXNlxsrWcU7py9A');
INSERT INTO "trial" VALUES(4,2,1,'training','mushra',1,0,'zrUhR6PYsBEv4SG70gZmyg');
INSERT INTO "trial" VALUES(5,2,2,'test','mushra',3,0,'rNnSQK__X-n4iADjIMXUlA');
INSERT INTO "trial" VALUES(6,2,3,'test','mushra',2,0,'BgvRCEE1McxFHmKOFRVriA');
INSERT INTO "trial" VALUES(7,3,1,'training','mushra',1,0,'Z_fVrwuznHqEJ6T385sElw');
INSERT INTO "trial" VALUES(8,3,2,'test','mushra',2,0,'Q2-9pPh8TL-wO1O2sTYhdw');
INSERT INTO "trial" VALUES(9,3,3,'test','mushra',3,0,'IW2aXwSqHXGShLVWtyvTww');
INSERT INTO "trial" VALUES(10,4,1,'training','mushra',1,0,'Aq1wGPfXA4GsPf8-kn58rg');
INSERT INTO "trial" VALUES(11,4,2,'test','mushra',3,0,'6pxyn1WxSpToRTGDPF7jeg');
INSERT INTO "trial" VALUES(12,4,3,'test','mushra',2,0,'XVkw17jhKsozIIarY_TQgg');
CREATE TABLE trial_scale (
	id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	scale_id INTEGER NOT NULL, 
	CONSTRAINT pk_trial_scale PRIMARY KEY (id), 
	CONSTRAINT fk_trial_scale_scale_id FOREIGN KEY(scale_id) REFERENCES scale (id), 
	CONSTRAINT fk_trial_scale_trial_id FOREIGN KEY(trial_id) REFERENCES trial (id), 
	CONSTRAINT uq_trial_scale_trial_id_scale_id UNIQUE (trial_id, scale_id)
);
INSERT INTO "trial_scale" VALUES(1,1,1);
INSERT INTO "trial_scale" VALUES(2,2,1);
INSERT INTO "trial_scale" VALUES(3,3,1);
INSERT INTO "trial_scale" VALUES(4,4,1);
INSERT INTO "trial_scale" VALUES(5,5,1);
INSERT INTO "trial_scale" VALUES(6,6,1);
INSERT INTO "trial_scale" VALUES(7,7,1);
INSERT INTO "trial_scale" VALUES(8,8,1);
INSERT INTO "trial_scale" VALUES(9,9,1);
INSERT INTO "trial_scale" VALUES(10,10,1);
INSERT INTO "trial_scale" VALUES(11,11,1);
INSERT INTO "trial_scale" VALUES(12,12,1);
CREATE UNIQUE INDEX uq_study_version_open ON study_version (study_id) WHERE status = 'open';
CREATE INDEX ix_clip_condition_id ON clip (condition_id);
CREATE INDEX ix_session_listener_id ON session (listener_id);
CREATE INDEX ix_session_study_version_id ON session (study_version_id);
CREATE INDEX ix_script_error_session_id ON script_error (session_id);
CREATE INDEX ix_trial_item_id ON trial (item_id);
CREATE INDEX ix_trial_scale_scale_id ON trial_scale (scale_id);
CREATE INDEX ix_slot_clip_id ON slot (clip_id);
CREATE INDEX ix_response_slot_id ON response (slot_id);
CREATE INDEX ix_response_trial_id ON response (trial_id);
CREATE UNIQUE INDEX uq_response_whole_trial ON response (save_id, scale_id) WHERE slot_id IS NULL;
CREATE INDEX ix_event_save_id ON event (save_id);
CREATE INDEX ix_job_status ON job (status);
COMMIT;
